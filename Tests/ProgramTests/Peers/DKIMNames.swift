// SPDX-License-Identifier: Apache-2.0

/// The beginning of a script for dkimpy: keys come from the name server at the address and port
/// that are its second and third argument.
let dkimNames = """
    import subprocess, sys, dkim
    def names(name, timeout=5):
        name = name.decode() if isinstance(name, bytes) else name
        text = subprocess.run(['dig', '+short', '+tcp', '@' + sys.argv[2], '-p', sys.argv[3],
                               name, 'TXT'], capture_output=True, text=True).stdout
        line = text.strip().split('\\n')[0]
        return ''.join(line.split('"')[1::2]).encode()

    """
