// SPDX-License-Identifier: Apache-2.0

/// Zones with every kind of name and record that name servers are known to differ about.
enum TortureZone {
    static let origin = "torture.test"

    /// By origin, without $GENERATE: nsd does not know it.
    static let zones = [
        origin: "$TTL 3600\n" + names + "\n" + large.joined(separator: "\n") + "\n",
        "parent.test": parent, "child.parent.test": child, "dname.test": dname,
    ]

    private static let names = ##"""
        @ SOA ns1 hostmaster 2024010101 7200 3600 1209600 300
        @ NS ns1
        @ NS ns2.elsewhere.example.
        @ NS ns3.wild
        @ MX 10 mx1
        @ MX 20 MX2
        @ MX 30 any.wild
        @ MX 40 mx.child
        @ MX 50 mx.elsewhere.example.
        @ TXT "v=spf1 mx -all"
        @ A 192.0.2.10
        @ AAAA 2001:db8::10
        @ CAA 0 issue "ca.example"
        ns1 A 192.0.2.1
        ns1 AAAA 2001:db8::1
        mx1 A 192.0.2.25
        mx1 AAAA 2001:db8::25
        mx2 A 192.0.2.26
        Mixed.CASE A 192.0.2.27
        mixed.case TXT "beside"
        ; wildcards
        *.wild A 192.0.2.30
        *.wild MX 5 mx1
        *.wild TXT "wild"
        host.wild TXT "hides the wildcard"
        ent.below.wild A 192.0.2.31
        *.calias CNAME mx1
        *.cout CNAME host.elsewhere.example.
        *.cloop CNAME x.cloop
        *.cgone CNAME gone
        * TXT "at the top"
        *.sub.deep.wc A 192.0.2.32
        x.*.star A 192.0.2.33
        *.star TXT "star"
        *.wmx MX 1 a.wild
        *.wsrv SRV 1 2 3 mx1
        ; empty non-terminals
        a.b.c.d.ent A 192.0.2.40
        ; aliases
        www CNAME web
        web CNAME mx1
        out CNAME host.elsewhere.example.
        gone CNAME nothing.ent
        lost CNAME x.nothing.example.torture.test.
        loop1 CNAME loop2
        loop2 CNAME loop1
        self CNAME self
        todeleg CNAME www.child
        towild CNAME x.wild
        toent CNAME c.d.ent
        toapex CNAME @
        c1 CNAME c2
        c2 CNAME c3
        c3 CNAME c4
        c4 CNAME c5
        c5 CNAME c6
        c6 CNAME c7
        c7 CNAME mx1
        todname CNAME host.old
        ; DNAME
        old DNAME new
        host.new A 192.0.2.50
        alias.new CNAME host.new
        *.new TXT "wild below dname target"
        dout DNAME elsewhere.example.
        dloop DNAME dloop2
        dloop2 DNAME dloop
        drec DNAME x.drec
        dlong DNAME aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa.bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb.torture.test.
        dboth DNAME new
        dboth TXT "beside a dname"
        dboth MX 3 mx1
        dwild DNAME wild
        dchild DNAME child
        dent DNAME d.ent
        droot DNAME .
        ; delegations
        child NS ns.child
        child NS ns1
        child DS 1 13 2 0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef
        ns.child A 192.0.2.60
        ns.child AAAA 2001:db8::60
        mx.child A 192.0.2.61
        nods NS ns1
        sib NS ns.sib2
        sib2 NS ns.sib2
        ns.sib2 A 192.0.2.62
        far NS ns.elsewhere.example.
        deep.x.y NS ns.deep.x.y
        ns.deep.x.y A 192.0.2.63
        selfns NS selfns
        selfns A 192.0.2.64
        upwild NS nsx.wild
        ; services
        _smtp._tcp SRV 0 1 25 mx1
        _smtp._tcp SRV 0 1 26 mx2
        _imap._tcp SRV 0 0 0 .
        _ext._tcp SRV 0 1 25 mx.elsewhere.example.
        null MX 0 .
        ptr PTR mx1
        naptr NAPTR 100 10 "u" "E2U+email" "!^.*$!mailto:a@b.example!" .
        naptr2 NAPTR 100 10 "s" "SIP+D2U" "" _smtp._tcp
        sshfp SSHFP 4 2 0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef
        tlsa TLSA 3 1 1 0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef
        hinfo HINFO "PC" "Linux"
        loc LOC 52 22 23.000 N 4 53 32.000 E -2.00m 0.00m 10000m 10m
        rp RP hostmaster.torture.test. txt.torture.test.
        afsdb AFSDB 1 mx1
        rt RT 10 mx1
        kx KX 10 mx1
        uri URI 10 1 "https://example.test/"
        spf SPF "v=spf1 -all"
        dnskey DNSKEY 257 3 13 mdsswUyr3DPW132mOi8V9xESWE8jTo0dxCjjnopKl+GqJxpVXckHAeF+KkxLbxILfDLUT0rAK9iUzy1L53eKGQ==
        cds CDS 1 13 2 0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef
        csync CSYNC 66 3 A NS AAAA
        openpgpkey OPENPGPKEY aGVsbG8=
        eui EUI48 00-00-5e-00-53-2a
        eui64 EUI64 00-00-5e-ef-10-00-00-2a
        nid NID 10 0014:4fff:ff20:ee64
        l32 L32 10 10.1.2.0
        l64 L64 10 2001:0db8:1140:1000
        lp LP 10 l64
        unknown TYPE65280 \# 4 0a000001
        minfo MINFO mx1 mx2
        svcb TYPE64 \# 3 000100
        multi A 192.0.2.70
        multi A 192.0.2.71
        multi A 192.0.2.72
        multi AAAA 2001:db8::70
        multi TXT "one" "two" "three"
        multi TXT "four"
        ; long names
        odd\.dot A 192.0.2.81
        odd\000nul A 192.0.2.82
        odd\032space A 192.0.2.83
        _under A 192.0.2.84
        """##

    /// Sets that do not fit into a datagram, or only just, and names as long as they may be.
    private static let large: [String] =
        [(20, "a"), (40, "b"), (90, "c"), (250, "d")].flatMap { count, name in
            (1...count).map { "big-\(name) A 10.0.0.\($0)" }
        }
        + (1...60).flatMap {
            ["big-mx MX \($0) host\($0).hosts", "host\($0).hosts A 10.0.1.\($0)"]
        }
        + (1...20).flatMap { ["big-ns NS ns\($0).big-ns", "ns\($0).big-ns A 10.0.2.\($0)"] }
        + (1...20).map { "side-ns NS host\($0).hosts" }
        + (1...9).map { "big-txt TXT \"\($0) \(String(repeating: "x", count: 120))\"" }
        + [
            ["l", "m", "n"].map { String(repeating: $0, count: 62) }.joined(separator: ".")
                + "." + String(repeating: "o", count: 44) + " A 192.0.2.80"
        ]

    private static let parent = """
        $TTL 600
        @ SOA ns hostmaster 1 2 3 4 9999
        @ NS ns
        ns A 192.0.2.90
        child NS ns.child
        child DS 1 13 2 0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef
        ns.child A 192.0.2.91
        to-child CNAME ns.child

        """

    private static let child = """
        $TTL 600
        @ SOA ns hostmaster 1 2 3 4 9999
        @ NS ns
        ns A 192.0.2.91

        """

    private static let dname = """
        $TTL 600
        @ SOA ns.elsewhere.example. hostmaster.elsewhere.example. 1 2 3 4 60
        @ NS ns.elsewhere.example.
        @ DNAME target.other.test.
        @ MX 10 mx.elsewhere.example.

        """
}
