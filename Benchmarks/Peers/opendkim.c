/* SPDX-License-Identifier: Apache-2.0
 *
 * libopendkim on one message, with keys in memory; for Scripts/bench-verdicts and for tests.
 *
 * usage: opendkim sign MESSAGE KEY SELECTOR DOMAIN HEADERFORM/BODYFORM
 *            prints the signed message
 *        opendkim verify RECORD MESSAGE...
 *            prints pass or fail for each; RECORD holds the text of the key record
 *        opendkim measure-verify MESSAGE RECORD SECONDS
 *        opendkim measure-sign MESSAGE KEY SECONDS
 *            prints how often it does so in a second of CPU time
 */
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <opendkim/dkim.h>

struct text {
    unsigned char *start;
    size_t count;
};

static struct text record;

static void fail(const char *what) {
    fprintf(stderr, "opendkim: %s\n", what);
    exit(70);
}

static struct text read_file(const char *path) {
    struct text text = {NULL, 0};
    FILE *file = fopen(path, "rb");
    if (file == NULL) fail(path);
    fseek(file, 0, SEEK_END);
    text.count = (size_t)ftell(file);
    rewind(file);
    text.start = calloc(1, text.count + 1);
    if (text.start == NULL || fread(text.start, 1, text.count, file) != text.count) fail(path);
    fclose(file);
    return text;
}

static struct text read_line(const char *path) {
    struct text text = read_file(path);
    while (text.count > 0 && text.start[text.count - 1] == '\n') text.start[--text.count] = 0;
    return text;
}

static DKIM_STAT key_lookup(DKIM *dkim, DKIM_SIGINFO *sig, unsigned char *buffer, size_t size) {
    (void)dkim;
    (void)sig;
    if (record.count >= size) return DKIM_STAT_KEYFAIL;
    memcpy(buffer, record.start, record.count + 1);
    return DKIM_STAT_OK;
}

/* Puts the message in; says what the end of it came to. */
static DKIM_STAT feed(DKIM *dkim, struct text message) {
    unsigned char *position = message.start, *end = message.start + message.count;
    while (position < end && !(position + 1 < end && position[0] == '\r' && position[1] == '\n')) {
        unsigned char *next = position;
        do {
            next = memchr(next, '\n', (size_t)(end - next));
            next = next == NULL ? end : next + 1;
        } while (next < end && (*next == ' ' || *next == '\t'));
        size_t count = (size_t)(next - position);
        if (count >= 2 && next[-2] == '\r') count -= 2;
        DKIM_STAT status = dkim_header(dkim, position, count);
        if (status != DKIM_STAT_OK) return status;
        position = next;
    }
    DKIM_STAT status = dkim_eoh(dkim);
    if (status != DKIM_STAT_OK) return status;
    if (position + 2 < end) {
        status = dkim_body(dkim, position + 2, (size_t)(end - position - 2));
        if (status != DKIM_STAT_OK) return status;
    }
    return dkim_eom(dkim, NULL);
}

static bool verifies(DKIM_LIB *library, struct text message) {
    DKIM_STAT status;
    DKIM *dkim = dkim_verify(library, (const unsigned char *)"one", NULL, &status);
    if (dkim == NULL) fail("cannot verify");
    bool result = feed(dkim, message) == DKIM_STAT_OK;
    dkim_free(dkim);
    return result;
}

static void sign(
    DKIM_LIB *library, struct text message, struct text key, const char *selector,
    const char *domain, dkim_canon_t header_form, dkim_canon_t body_form, bool prints
) {
    DKIM_STAT status;
    DKIM *dkim = dkim_sign(
        library, (const unsigned char *)"one", NULL, key.start, (const unsigned char *)selector,
        (const unsigned char *)domain, header_form, body_form, DKIM_SIGN_RSASHA256, -1, &status);
    if (dkim == NULL) fail("cannot sign");
    if (feed(dkim, message) != DKIM_STAT_OK) fail("signing failed");
    unsigned char *field;
    size_t count;
    if (dkim_getsighdr_d(dkim, strlen(DKIM_SIGNHEADER) + 2, &field, &count) != DKIM_STAT_OK) {
        fail("there is no signature");
    }
    if (prints) {
        printf(DKIM_SIGNHEADER ": ");
        /* The library folds with LF alone, unless told otherwise. */
        for (size_t index = 0; index < count; index++) {
            if (field[index] == '\n' && (index == 0 || field[index - 1] != '\r')) putchar('\r');
            putchar(field[index]);
        }
        printf("\r\n");
        fwrite(message.start, 1, message.count, stdout);
    }
    dkim_free(dkim);
}

static double cpu_seconds(void) {
    struct timespec time;
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &time);
    return (double)time.tv_sec + (double)time.tv_nsec / 1e9;
}

static dkim_canon_t form(const char *name, size_t count) {
    return count == 6 && strncmp(name, "simple", 6) == 0 ? DKIM_CANON_SIMPLE : DKIM_CANON_RELAXED;
}

int main(int count, char **arguments) {
    if (count < 4) fail("usage: sign|verify|measure-verify|measure-sign MESSAGE FILE ...");
    const char *what = arguments[1];
    DKIM_LIB *library = dkim_init(NULL, NULL);
    if (library == NULL) fail("cannot begin");
    dkim_set_key_lookup(library, key_lookup);
    if (strcmp(what, "verify") == 0) {
        record = read_line(arguments[2]);
        for (int index = 3; index < count; index++) {
            puts(verifies(library, read_file(arguments[index])) ? "pass" : "fail");
        }
        return 0;
    }
    struct text message = read_file(arguments[2]);
    bool signs = strcmp(what, "measure-verify") != 0;
    struct text other = signs ? read_file(arguments[3]) : read_line(arguments[3]);
    if (strcmp(what, "sign") == 0 && count == 7) {
        const char *slash = strchr(arguments[6], '/');
        if (slash == NULL) fail("which form?");
        sign(
            library, message, other, arguments[4], arguments[5],
            form(arguments[6], (size_t)(slash - arguments[6])), form(slash + 1, strlen(slash + 1)),
            true);
        return 0;
    }
    record = other;
    if (count != 5) fail("how many seconds?");
    double seconds = atof(arguments[4]), begin = cpu_seconds(), now = begin;
    long rounds = 0;
    while (now - begin < seconds) {
        for (int index = 0; index < 50; index++) {
            if (signs) {
                sign(
                    library, message, other, "test", "bench.example", DKIM_CANON_RELAXED,
                    DKIM_CANON_RELAXED, false);
            } else if (!verifies(library, message)) {
                fail("the message does not verify");
            }
        }
        rounds += 50;
        now = cpu_seconds();
    }
    printf("%.0f\n", (double)rounds / (now - begin));
    return 0;
}
