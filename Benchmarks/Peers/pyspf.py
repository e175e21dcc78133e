# SPDX-License-Identifier: Apache-2.0
#
# pyspf with records in memory; for Scripts/bench-verdicts and for tests.
#
# usage: pyspf.py RECORDS DOMAIN CLIENT SECONDS
#            prints the result, and how often it comes to it in a second of CPU time
#        pyspf.py RECORDS
#            reads lines of CLIENT SENDER HELLO and prints the result of each
#
# RECORDS has lines of NAME TYPE VALUE; a TXT value may be several strings with | between them.
import sys
import time

import spf

records = {}
with open(sys.argv[1]) as file:
    for line in file:
        name, kind, value = line.rstrip("\n").split(" ", 2)
        if kind == "TXT":
            value = tuple(text.encode() for text in value.split("|"))
        elif kind == "MX":
            value = (int(value.split()[0]), value.split()[1])
        records.setdefault((name, kind), []).append(((name, kind), value))


def lookup(name, kind, *rest, **more):
    name = name.rstrip(".").lower()
    if (name, "TIMEOUT") in records:
        raise spf.TempError("DNS timeout")
    return records.get((name, kind), [])


spf.DNSLookup = lookup
if len(sys.argv) == 2:
    for line in sys.stdin:
        client, sender, hello = line.split()
        print(spf.check2(client, sender, hello)[0], flush=True)
    sys.exit(0)
domain, client, seconds = sys.argv[2], sys.argv[3], float(sys.argv[4])
begin = now = time.process_time()
rounds = 0
while now - begin < seconds:
    for _ in range(50):
        result = spf.check2(client, "user@" + domain, "client.example")[0]
    rounds += 50
    now = time.process_time()
print(result, round(rounds / (now - begin)))
