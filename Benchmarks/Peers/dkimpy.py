# SPDX-License-Identifier: Apache-2.0
#
# dkimpy with keys in memory; for tests.
#
# usage: dkimpy.py verify RECORD MESSAGE...
#            prints pass or fail for each
#        dkimpy.py sign KEY SELECTOR DOMAIN FORMS OPTIONS MESSAGE...
#            writes MESSAGE.signed for each; FORMS is simple/relaxed and so on, OPTIONS a list of
#            length and identity, with commas
import sys

import dkim


def read(path):
    with open(path, "rb") as file:
        return file.read()


if sys.argv[1] == "verify":
    record = read(sys.argv[2]).strip()
    for path in sys.argv[3:]:
        try:
            passes = dkim.verify(read(path), dnsfunc=lambda name, timeout=5: record)
        except dkim.DKIMException:
            passes = False
        print("pass" if passes else "fail")
else:
    key, selector, domain = read(sys.argv[2]), sys.argv[3].encode(), sys.argv[4].encode()
    forms, options = sys.argv[5].encode().split(b"/"), sys.argv[6].split(",")
    for path in sys.argv[7:]:
        message = read(path)
        field = dkim.sign(
            message, selector, domain, key, canonicalize=(forms[0], forms[1]),
            identity=b"joe@mail." + domain if "identity" in options else None,
            length="length" in options)
        with open(path + ".signed", "wb") as file:
            file.write(field + message)
