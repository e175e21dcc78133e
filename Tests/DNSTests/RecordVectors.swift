// SPDX-License-Identifier: Apache-2.0

/// RDATA as text below the origin example.org, and its wire form as another implementation writes it.
enum RecordVectors {
    static let rows: [(type: String, text: String, wire: String)] = [
        (
            "A", ##"192.0.2.1"##,
            "c0000201"
        ),
        (
            "AAAA", ##"2001:db8::1"##,
            "20010db8000000000000000000000001"
        ),
        (
            "AAAA", ##"::ffff:192.0.2.1"##,
            "00000000000000000000ffffc0000201"
        ),
        (
            "NS", ##"ns1.Example.ORG."##,
            "036e7331074578616d706c65034f524700"
        ),
        (
            "CNAME", ##"a\.b.example."##,
            "03612e62076578616d706c6500"
        ),
        (
            "PTR", ##"host"##,
            "04686f7374076578616d706c65036f726700"
        ),
        (
            "SOA", ##"ns1 host\.master 2026112101 2h 1h30m 1w2d 300"##,
            "036e7331076578616d706c65036f7267000b686f73742e6d6173746572076578"
                + "616d706c65036f72670078c4046500001c2000001518000bdd800000012c"
        ),
        (
            "HINFO", ##""PDP-11/70" UNIX"##,
            "095044502d31312f373004554e4958"
        ),
        (
            "MX", ##"10 mx1"##,
            "000a036d7831076578616d706c65036f726700"
        ),
        (
            "MX", ##"0 ."##,
            "000000"
        ),
        (
            "TXT", ##""v=spf1 mx -all" plain "with \"quote\" and \\ and \001\255""##,
            "0e763d73706631206d78202d616c6c05706c61696e1977697468202271756f74"
                + "652220616e64205c20616e642001ff"
        ),
        (
            "TXT", ##""""##,
            "00"
        ),
        (
            "RP", ##"louie.trantor.umd.edu. lam1.people.umd.edu."##,
            "056c6f756965077472616e746f7203756d640365647500046c616d310670656f"
                + "706c6503756d640365647500"
        ),
        (
            "AFSDB", ##"1 afs"##,
            "000103616673076578616d706c65036f726700"
        ),
        (
            "X25", ##""311061700956""##,
            "0c333131303631373030393536"
        ),
        (
            "ISDN", ##""150862028003217" "004""##,
            "0f31353038363230323830303332313703303034"
        ),
        (
            "ISDN", ##""150862028003217""##,
            "0f313530383632303238303033323137"
        ),
        (
            "RT", ##"10 relay.prime.com."##,
            "000a0572656c6179057072696d6503636f6d00"
        ),
        (
            "NSAP", ##"0x47.0005.80.005a00.0000.0001.e133.ffffff000161.00"##,
            "47000580005a0000000001e133ffffff00016100"
        ),
        (
            "PX", ##"50 fr. admd-atlas.c-fr."##,
            "0032026672000a61646d642d61746c617304632d667200"
        ),
        (
            "GPOS", ##"-22.6882 116.8652 250.0"##,
            "082d32322e36383832083131362e38363532053235302e30"
        ),
        (
            "LOC", ##"42 21 54 N 71 06 18 W -24m 30m"##,
            "0033161389172dd070be15f000988d20"
        ),
        (
            "LOC", ##"42 21 43.952 N 71 5 6.344 W -24m 1m 200m"##,
            "001224138917069070bf2dd800988d20"
        ),
        (
            "LOC", ##"52 14 05 N 00 08 50 E 10m"##,
            "001216138b3556c88008165000989a68"
        ),
        (
            "LOC", ##"32 7 19 S 116 2 25 E 10m"##,
            "00121613791b7d2898e6486800989a68"
        ),
        (
            "LOC", ##"60 9 0.000 N 24 39 0.000 E 10.00m 20m 2000m 20m"##,
            "002325238ce82360854a10a000989a68"
        ),
        (
            "SRV", ##"0 1 587 mail.example.org."##,
            "00000001024b046d61696c076578616d706c65036f726700"
        ),
        (
            "NAPTR", ##"100 50 "s" "http+I2L+I2C+I2R" "" _http._tcp.gatech.edu."##,
            "00640032017310687474702b49324c2b4932432b49325200055f68747470045f"
                + "746370066761746563680365647500"
        ),
        (
            "NAPTR", ##"100 10 "u" "sip+E2U" "!^.*$!sip:information@foo.se!i" ."##,
            "0064000a0175077369702b4532551e215e2e2a24217369703a696e666f726d61"
                + "74696f6e40666f6f2e7365216900"
        ),
        (
            "KX", ##"10 kx"##,
            "000a026b78076578616d706c65036f726700"
        ),
        (
            "CERT", ##"PKIX 0 0 AQIDBA=="##,
            "000100000001020304"
        ),
        (
            "CERT", ##"65534 65535 PRIVATEOID MxFcby9k/yvedMfQgKzhH5er0Mu/vILz45I="##,
            "fffefffffe33115c6f2f64ff2bde74c7d080ace11f97abd0cbbfbc82f3e392"
        ),
        (
            "DNAME", ##"dname-target"##,
            "0c646e616d652d746172676574076578616d706c65036f726700"
        ),
        (
            "APL", ##"1:192.168.32.0/21 !1:192.168.38.0/28"##,
            "00011503c0a82000011c83c0a826"
        ),
        (
            "APL", ##"1:224.0.0.0/4 2:FF00:0:0:0:0:0:0:0/8"##,
            "00010401e000020801ff"
        ),
        (
            "APL", ##""##,
            ""
        ),
        (
            "DS", ##"60485 5 1 2BB183AF5F22588179A53B0A 98631FAD1A292118"##,
            "ec4505012bb183af5f22588179a53b0a98631fad1a292118"
        ),
        (
            "DS",
            ##"12345 ECDSAP256SHA256 2 D4B7D520E7BB5F0F67674A0CCEB1E3E0614B93C4F9E99B8383F6A1E4469DA50A"##,
            "30390d02d4b7d520e7bb5f0f67674a0cceb1e3e0614b93c4f9e99b8383f6a1e4"
                + "469da50a"
        ),
        (
            "SSHFP", ##"2 1 123456789abcdef67890123456789abcdef67890"##,
            "0201123456789abcdef67890123456789abcdef67890"
        ),
        (
            "IPSECKEY", ##"10 1 2 192.0.2.38 AQNRU3mG7TVTO2BkR47usntb102uFJtugbo6BSGvgqt4AQ=="##,
            "0a0102c0000226010351537986ed35533b6064478eeeb27b5bd74dae149b6e81"
                + "ba3a0521af82ab7801"
        ),
        (
            "IPSECKEY", ##"10 0 2 . AQNRU3mG7TVTO2BkR47usntb102uFJtugbo6BSGvgqt4AQ=="##,
            "0a0002010351537986ed35533b6064478eeeb27b5bd74dae149b6e81ba3a0521"
                + "af82ab7801"
        ),
        (
            "IPSECKEY",
            ##"10 3 2 mygateway.example.com. AQNRU3mG7TVTO2BkR47usntb102uFJtugbo6BSGvgqt4AQ=="##,
            "0a0302096d7967617465776179076578616d706c6503636f6d00010351537986"
                + "ed35533b6064478eeeb27b5bd74dae149b6e81ba3a0521af82ab7801"
        ),
        (
            "IPSECKEY",
            ##"10 2 2 2001:0DB8:0:8002::2000:1 AQNRU3mG7TVTO2BkR47usntb102uFJtugbo6BSGvgqt4AQ=="##,
            "0a020220010db8000080020000000020000001010351537986ed35533b606447"
                + "8eeeb27b5bd74dae149b6e81ba3a0521af82ab7801"
        ),
        (
            "RRSIG",
            ##"A 5 3 86400 20030322173103 ( 20030220173103 2642 example.com. oJB1W6WNGv+ldvQ3WDG0MQkg5IEhjRip8WTr PYGv07h108dUKGMeDPKijVCHX3DDKdfb+v6o B9wfuh3DTJXUAfI/M0zmO/zz8bW0Rznl8O3t GNazPwQKkRN20XPXV6nwwfoXmJQbsLNrLfkG J5D6fwFm8nN+6pBzeDQfsS3Ap3o= )"##,
            "00010503000151803e7c9dd73e5510d70a52076578616d706c6503636f6d00a0"
                + "90755ba58d1affa576f4375831b4310920e481218d18a9f164eb3d81afd3b875"
                + "d3c75428631e0cf2a28d50875f70c329d7dbfafea807dc1fba1dc34c95d401f2"
                + "3f334ce63bfcf3f1b5b44739e5f0eded18d6b33f040a911376d173d757a9f0c1"
                + "fa1798941bb0b36b2df9062790fa7f0166f2737eea907378341fb12dc0a77a"
        ),
        (
            "NSEC", ##"host.example.com. A MX RRSIG NSEC TYPE1234"##,
            "04686f7374076578616d706c6503636f6d000006400100000003041b00000000"
                + "0000000000000000000000000000000000000000000020"
        ),
        (
            "NSEC", ##". NSAP-PTR CAA TYPE65535"##,
            "000003000001010140ff20000000000000000000000000000000000000000000"
                + "0000000000000000000001"
        ),
        (
            "DNSKEY", ##"256 3 5 AQPSKmynfzW4kyBv015MUG2DeIQ3 Cbl+BBZH4b/0PY1kxkmvHjcZc8no"##,
            "010003050103d22a6ca77f35b893206fd35e4c506d8378843709b97e041647e1"
                + "bff43d8d64c649af1e371973c9e8"
        ),
        (
            "DHCID", ##"AAIBY2/AuCccgoJbsaxcQc9TUapptP69lOjxfNuVAA2kjEA="##,
            "000201636fc0b8271c82825bb1ac5c41cf5351aa69b4febd94e8f17cdb95000d"
                + "a48c40"
        ),
        (
            "NSEC3",
            ##"1 1 12 aabbccdd 2t7b4g4vsa5smi47k61mv5bv1a22bojr MX DNSKEY NS SOA NSEC3PARAM RRSIG"##,
            "0101000c04aabbccdd14174eb2409fe28bcb4887a1836f957f0a8425e27b0007"
                + "22010000000290"
        ),
        (
            "NSEC3", ##"1 0 0 - 2t7b4g4vsa5smi47k61mv5bv1a22bojr"##,
            "010000000014174eb2409fe28bcb4887a1836f957f0a8425e27b"
        ),
        (
            "NSEC3PARAM", ##"1 0 12 aabbccdd"##,
            "0100000c04aabbccdd"
        ),
        (
            "NSEC3PARAM", ##"1 0 0 -"##,
            "0100000000"
        ),
        (
            "TLSA", ##"3 1 1 a9cdf989b504fe5dca90c0d2167b6550570734f7c763e09fdf88904e06157065"##,
            "030101a9cdf989b504fe5dca90c0d2167b6550570734f7c763e09fdf88904e06"
                + "157065"
        ),
        (
            "SMIMEA", ##"3 1 1 a9cdf989b504fe5dca90c0d2167b6550 570734f7c763e09fdf88904e06157065"##,
            "030101a9cdf989b504fe5dca90c0d2167b6550570734f7c763e09fdf88904e06"
                + "157065"
        ),
        (
            "HIP",
            ##"2 200100107B1A74DF365639CC39F1D578 AwEAAbdxyhNuSutc5EMzxTs9LBPCIkOFH8cIvM4p9+LrV4e19WzK00+CI6zBCQTdtWsuxKbWIy87UOoJTwkUs7lBu+Upr1gsNrut79ryra+bSRGQb1slImA8YVJyuIDsj7kwzG7jnERNqnWxZ48AWkskmdHaVDP4BcelrTI3rMXdXF5D rvs1.example.com. rvs2.example.com."##,
            "10020084200100107b1a74df365639cc39f1d57803010001b771ca136e4aeb5c"
                + "e44333c53b3d2c13c22243851fc708bcce29f7e2eb5787b5f56ccad34f8223ac"
                + "c10904ddb56b2ec4a6d6232f3b50ea094f0914b3b941bbe529af582c36bbadef"
                + "daf2adaf9b4911906f5b2522603c615272b880ec8fb930cc6ee39c444daa75b1"
                + "678f005a4b2499d1da5433f805c7a5ad3237acc5dd5c5e430472767331076578"
                + "616d706c6503636f6d000472767332076578616d706c6503636f6d00"
        ),
        (
            "NINFO", ##""zone status" ok"##,
            "0b7a6f6e6520737461747573026f6b"
        ),
        (
            "CDS", ##"0 0 0 00"##,
            "0000000000"
        ),
        (
            "CDNSKEY", ##"0 3 0 AA=="##,
            "0000030000"
        ),
        (
            "OPENPGPKEY", ##"AQNRU3mG7TVTO2BkR47usntb102uFJtugbo6BSGvgqt4AQ=="##,
            "010351537986ed35533b6064478eeeb27b5bd74dae149b6e81ba3a0521af82ab"
                + "7801"
        ),
        (
            "CSYNC", ##"66 3 A NS AAAA"##,
            "000000420003000460000008"
        ),
        (
            "ZONEMD",
            ##"2018031900 1 1 62e6cf51b02e54b9b5f967d547ce43136792901f9f88e637493daaf401c92c279dd10f0edb1c56f8080211f8480ee306"##,
            "7848b91c010162e6cf51b02e54b9b5f967d547ce43136792901f9f88e637493d"
                + "aaf401c92c279dd10f0edb1c56f8080211f8480ee306"
        ),
        (
            "SVCB", ##"0 foo.example.com."##,
            "000003666f6f076578616d706c6503636f6d00"
        ),
        (
            "SVCB", ##"1 ."##,
            "000100"
        ),
        (
            "SVCB", ##"16 foo.example.com. port=53"##,
            "001003666f6f076578616d706c6503636f6d00000300020035"
        ),
        (
            "SVCB", ##"1 foo.example.com. key667=hello"##,
            "000103666f6f076578616d706c6503636f6d00029b000568656c6c6f"
        ),
        (
            "SVCB", ##"1 foo.example.com. key667="hello\210qoo""##,
            "000103666f6f076578616d706c6503636f6d00029b000968656c6c6fd2716f6f"
        ),
        (
            "SVCB", ##"1 foo.example.com. ipv6hint="2001:db8::1,2001:db8::53:1""##,
            "000103666f6f076578616d706c6503636f6d000006002020010db80000000000"
                + "0000000000000120010db8000000000000000000530001"
        ),
        (
            "SVCB", ##"1 example.com. ipv6hint="2001:db8:122:344::192.0.2.33""##,
            "0001076578616d706c6503636f6d000006001020010db80122034400000000c0"
                + "000221"
        ),
        (
            "SVCB",
            ##"16 foo.example.org. ( alpn=h2,h3-19 mandatory=ipv4hint,alpn ipv4hint=192.0.2.1 )"##,
            "001003666f6f076578616d706c65036f72670000000004000100040001000902"
                + "68320568332d313900040004c0000201"
        ),
        (
            "SVCB", ##"16 foo.example.org. alpn="f\\\\oo\\,bar,h2""##,
            "001003666f6f076578616d706c65036f7267000001000c08665c6f6f2c626172"
                + "026832"
        ),
        (
            "SVCB", ##"16 foo.example.org. alpn=f\\\092oo\092,bar,h2"##,
            "001003666f6f076578616d706c65036f7267000001000c08665c6f6f2c626172"
                + "026832"
        ),
        (
            "HTTPS",
            ##"1 . alpn="h3,h2" no-default-alpn ipv4hint="192.0.2.1" ipv6hint=2001:db8::1"##,
            "000100000100060268330268320002000000040004c00002010006001020010d"
                + "b8000000000000000000000001"
        ),
        (
            "SPF", ##""v=spf1 -all""##,
            "0b763d73706631202d616c6c"
        ),
        (
            "NID", ##"10 0014:4fff:ff20:ee64"##,
            "000a00144fffff20ee64"
        ),
        (
            "L32", ##"10 10.1.2.0"##,
            "000a0a010200"
        ),
        (
            "L64", ##"10 2001:0DB8:1140:1000"##,
            "000a20010db811401000"
        ),
        (
            "LP", ##"10 l64-subnet1"##,
            "000a0b6c36342d7375626e657431076578616d706c65036f726700"
        ),
        (
            "EUI48", ##"00-00-5e-00-53-2a"##,
            "00005e00532a"
        ),
        (
            "EUI64", ##"00-00-5e-ef-10-00-00-2a"##,
            "00005eef1000002a"
        ),
        (
            "URI", ##"10 1 "ftp://ftp1.example.com/public""##,
            "000a00016674703a2f2f667470312e6578616d706c652e636f6d2f7075626c69"
                + "63"
        ),
        (
            "CAA", ##"0 issue "ca1.example.net; policy=ev""##,
            "000569737375656361312e6578616d706c652e6e65743b20706f6c6963793d65"
                + "76"
        ),
        (
            "CAA", ##"128 tbs "Unknown""##,
            "8003746273556e6b6e6f776e"
        ),
        (
            "CAA", ##"0 issue ";""##,
            "000569737375653b"
        ),
        (
            "CAA", ##"0 iodef "mailto:security@example.com""##,
            "0005696f6465666d61696c746f3a7365637572697479406578616d706c652e63"
                + "6f6d"
        ),
        (
            "AVC", ##""app-name:WOLFGANG|app-class:OAM|business=yes""##,
            "2c6170702d6e616d653a574f4c4647414e477c6170702d636c6173733a4f414d"
                + "7c627573696e6573733d796573"
        ),
        (
            "AMTRELAY", ##"10 0 1 203.0.113.15"##,
            "0a01cb00710f"
        ),
        (
            "AMTRELAY", ##"10 1 3 amtrelays.example.com."##,
            "0a8309616d7472656c617973076578616d706c6503636f6d00"
        ),
        (
            "AMTRELAY", ##"0 0 0 ."##,
            "0000"
        ),
        (
            "AMTRELAY", ##"10 0 2 2001:db8::15"##,
            "0a0220010db8000000000000000000000015"
        ),
        (
            "RESINFO", ##"qnamemin exterr=15-17 infourl=https://resolver.example.com/guide"##,
            "08716e616d656d696e0c6578746572723d31352d31372a696e666f75726c3d68"
                + "747470733a2f2f7265736f6c7665722e6578616d706c652e636f6d2f67756964"
                + "65"
        ),
        (
            "WALLET", ##""currency" "ident""##,
            "0863757272656e6379056964656e74"
        ),
        (
            "DLV", ##"60485 5 1 2BB183AF5F22588179A53B0A98631FAD1A292118"##,
            "ec4505012bb183af5f22588179a53b0a98631fad1a292118"
        ),
        (
            "DSYNC", ##"CDS NOTIFY 5300 cds-scanner"##,
            "003b0114b40b6364732d7363616e6e6572076578616d706c65036f726700"
        ),
        (
            "TYPE65534", ##"\# 4 deadbeef"##,
            "deadbeef"
        ),
        (
            "A", ##"\# 4 c0000201"##,
            "c0000201"
        ),
        (
            "MX", ##"\# 5 000a 016100"##,
            "000a016100"
        ),
    ]
}
