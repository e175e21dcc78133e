/* SPDX-License-Identifier: Apache-2.0
 *
 * libspf2 with records in memory; for Scripts/bench-verdicts.
 *
 * usage: spf2 RECORDS DOMAIN CLIENT SECONDS
 *            RECORDS has lines of NAME TYPE VALUE; prints the result, and how often it comes to it
 *            in a second of CPU time
 */
#include <netdb.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <netinet/in.h>
#include <arpa/nameser.h>
#include <spf2/spf.h>
#include <spf2/spf_dns_zone.h>

static void fail(const char *what) {
    fprintf(stderr, "spf2: %s\n", what);
    exit(70);
}

static double cpu_seconds(void) {
    struct timespec time;
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &time);
    return (double)time.tv_sec + (double)time.tv_nsec / 1e9;
}

static SPF_dns_server_t *read_records(const char *path) {
    SPF_dns_server_t *zone = SPF_dns_zone_new(NULL, "records", 0);
    FILE *file = fopen(path, "r");
    char line[1024];
    if (zone == NULL || file == NULL) fail(path);
    while (fgets(line, sizeof line, file) != NULL) {
        line[strcspn(line, "\n")] = 0;
        char *type = strchr(line, ' ');
        char *value = type == NULL ? NULL : strchr(type + 1, ' ');
        if (value == NULL) continue;
        *type++ = 0;
        *value++ = 0;
        ns_type number = strcmp(type, "TXT") == 0 ? ns_t_txt : strcmp(type, "MX") == 0 ? ns_t_mx
            : ns_t_a;
        if (SPF_dns_zone_add_str(zone, line, number, NETDB_SUCCESS, value) != SPF_E_SUCCESS) {
            fail(value);
        }
    }
    fclose(file);
    return zone;
}

int main(int count, char **arguments) {
    if (count != 5) fail("usage: spf2 RECORDS DOMAIN CLIENT SECONDS");
    SPF_server_t *server = SPF_server_new_dns(read_records(arguments[1]), 0);
    if (server == NULL) fail("cannot begin");
    SPF_server_set_rec_dom(server, "receiver.example");
    char sender[300];
    snprintf(sender, sizeof sender, "user@%s", arguments[2]);
    double seconds = atof(arguments[4]), begin = cpu_seconds(), now = begin;
    long rounds = 0;
    const char *result = "";
    while (now - begin < seconds) {
        for (int index = 0; index < 200; index++) {
            SPF_request_t *request = SPF_request_new(server);
            SPF_response_t *response = NULL;
            SPF_request_set_ipv4_str(request, arguments[3]);
            SPF_request_set_helo_dom(request, "client.example");
            SPF_request_set_env_from(request, sender);
            SPF_request_query_mailfrom(request, &response);
            result = SPF_strresult(SPF_response_result(response));
            SPF_response_free(response);
            SPF_request_free(request);
        }
        rounds += 200;
        now = cpu_seconds();
    }
    printf("%s %.0f\n", result, (double)rounds / (now - begin));
    return 0;
}
