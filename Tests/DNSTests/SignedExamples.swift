// SPDX-License-Identifier: Apache-2.0

/// The signed zones that RFC 4035 and RFC 5155 print in their appendices A, and the responses from
/// them in their appendices B.
enum SignedExamples {
    struct Response {
        let section: String
        let name: String
        let type: String
        let code: UInt16
        let answers: String
        let authorities: String
        let additionals: String
    }

    /// RFC 4035 appendix A.
    static let plainZone = """
        example.       3600 IN SOA ns1.example. bugs.x.w.example. (
                                   1081539377
                                   3600
                                   300
                                   3600000
                                   3600
                                   )
                       3600 RRSIG  SOA 5 1 3600 20040509183619 (
                                   20040409183619 38519 example.
                                   ONx0k36rcjaxYtcNgq6iQnpNV5+drqYAsC9h
                                   7TSJaHCqbhE67Sr6aH2xDUGcqQWu/n0UVzrF
                                   vkgO9ebarZ0GWDKcuwlM6eNB5SiX2K74l5LW
                                   DA7S/Un/IbtDq4Ay8NMNLQI7Dw7n4p8/rjkB
                                   jV7j86HyQgM5e7+miRAz8V01b0I= )
                       3600 NS     ns1.example.
                       3600 NS     ns2.example.
                       3600 RRSIG  NS 5 1 3600 20040509183619 (
                                   20040409183619 38519 example.
                                   gl13F00f2U0R+SWiXXLHwsMY+qStYy5k6zfd
                                   EuivWc+wd1fmbNCyql0Tk7lHTX6UOxc8AgNf
                                   4ISFve8XqF4q+o9qlnqIzmppU3LiNeKT4FZ8
                                   RO5urFOvoMRTbQxW3U0hXWuggE4g3ZpsHv48
                                   0HjMeRaZB/FRPGfJPajngcq6Kwg= )
                       3600 MX     1 xx.example.
                       3600 RRSIG  MX 5 1 3600 20040509183619 (
                                   20040409183619 38519 example.
                                   HyDHYVT5KHSZ7HtO/vypumPmSZQrcOP3tzWB
                                   2qaKkHVPfau/DgLgS/IKENkYOGL95G4N+NzE
                                   VyNU8dcTOckT+ChPcGeVjguQ7a3Ao9Z/ZkUO
                                   6gmmUW4b89rz1PUxW4jzUxj66PTwoVtUU/iM
                                   W6OISukd1EQt7a0kygkg+PEDxdI= )
                       3600 NSEC   a.example. NS SOA MX RRSIG NSEC DNSKEY
                       3600 RRSIG  NSEC 5 1 3600 20040509183619 (
                                   20040409183619 38519 example.
                                   O0k558jHhyrC97ISHnislm4kLMW48C7U7cBm
                                   FTfhke5iVqNRVTB1STLMpgpbDIC9hcryoO0V
                                   Z9ME5xPzUEhbvGnHd5sfzgFVeGxr5Nyyq4tW
                                   SDBgIBiLQUv1ivy29vhXy7WgR62dPrZ0PWvm
                                   jfFJ5arXf4nPxp/kEowGgBRzY/U= )
                       3600 DNSKEY 256 3 5 (
                                   AQOy1bZVvpPqhg4j7EJoM9rI3ZmyEx2OzDBV
                                   rZy/lvI5CQePxXHZS4i8dANH4DX3tbHol61e
                                   k8EFMcsGXxKciJFHyhl94C+NwILQdzsUlSFo
                                   vBZsyl/NX6yEbtw/xN9ZNcrbYvgjjZ/UVPZI
                                   ySFNsgEYvh0z2542lzMKR4Dh8uZffQ==
                                   )
                       3600 DNSKEY 257 3 5 (
                                   AQOeX7+baTmvpVHb2CcLnL1dMRWbuscRvHXl
                                   LnXwDzvqp4tZVKp1sZMepFb8MvxhhW3y/0QZ
                                   syCjczGJ1qk8vJe52iOhInKROVLRwxGpMfzP
                                   RLMlGybr51bOV/1se0ODacj3DomyB4QB5gKT
                                   Yot/K9alk5/j8vfd4jWCWD+E1Sze0Q==
                                   )
                       3600 RRSIG  DNSKEY 5 1 3600 20040509183619 (
                                   20040409183619 9465 example.
                                   ZxgauAuIj+k1YoVEOSlZfx41fcmKzTFHoweZ
                                   xYnz99JVQZJ33wFS0Q0jcP7VXKkaElXk9nYJ
                                   XevO/7nAbo88iWsMkSpSR6jWzYYKwfrBI/L9
                                   hjYmyVO9m6FjQ7uwM4dCP/bIuV/DKqOAK9NY
                                   NC3AHfvCV1Tp4VKDqxqG7R5tTVM= )
                       3600 RRSIG  DNSKEY 5 1 3600 20040509183619 (
                                   20040409183619 38519 example.
                                   eGL0s90glUqcOmloo/2y+bSzyEfKVOQViD9Z
                                   DNhLz/Yn9CQZlDVRJffACQDAUhXpU/oP34ri
                                   bKBpysRXosczFrKqS5Oa0bzMOfXCXup9qHAp
                                   eFIku28Vqfr8Nt7cigZLxjK+u0Ws/4lIRjKk
                                   7z5OXogYVaFzHKillDt3HRxHIZM= )
        a.example.     3600 IN NS  ns1.a.example.
                       3600 IN NS  ns2.a.example.
                       3600 DS     57855 5 1 (
                                   B6DCD485719ADCA18E5F3D48A2331627FDD3
                                   636B )
                       3600 RRSIG  DS 5 2 3600 20040509183619 (
                                   20040409183619 38519 example.
                                   oXIKit/QtdG64J/CB+Gi8dOvnwRvqrto1AdQ
                                   oRkAN15FP3iZ7suB7gvTBmXzCjL7XUgQVcoH
                                   kdhyCuzp8W9qJHgRUSwKKkczSyuL64nhgjuD
                                   EML8l9wlWVsl7PR2VnZduM9bLyBhaaPmRKX/
                                   Fm+v6ccF2EGNLRiY08kdkz+XHHo= )
                       3600 NSEC   ai.example. NS DS RRSIG NSEC
                       3600 RRSIG  NSEC 5 2 3600 20040509183619 (
                                   20040409183619 38519 example.
                                   cOlYgqJLqlRqmBQ3iap2SyIsK4O5aqpKSoba
                                   U9fQ5SMApZmHfq3AgLflkrkXRXvgxTQSKkG2
                                   039/cRUs6Jk/25+fi7Xr5nOVJsb0lq4zsB3I
                                   BBdjyGDAHE0F5ROJj87996vJupdm1fbH481g
                                   sdkOW6Zyqtz3Zos8N0BBkEx+2G4= )
        ns1.a.example. 3600 IN A   192.0.2.5
        ns2.a.example. 3600 IN A   192.0.2.6
        ai.example.    3600 IN A   192.0.2.9
                       3600 RRSIG  A 5 2 3600 20040509183619 (
                                   20040409183619 38519 example.
                                   pAOtzLP2MU0tDJUwHOKE5FPIIHmdYsCgTb5B
                                   ERGgpnJluA9ixOyf6xxVCgrEJW0WNZSsJicd
                                   hBHXfDmAGKUajUUlYSAH8tS4ZnrhyymIvk3u
                                   ArDu2wfT130e9UHnumaHHMpUTosKe22PblOy
                                   6zrTpg9FkS0XGVmYRvOTNYx2HvQ= )
                       3600 HINFO  "KLH-10" "ITS"
                       3600 RRSIG  HINFO 5 2 3600 20040509183619 (
                                   20040409183619 38519 example.
                                   Iq/RGCbBdKzcYzlGE4ovbr5YcB+ezxbZ9W0l
                                   e/7WqyvhOO9J16HxhhL7VY/IKmTUY0GGdcfh
                                   ZEOCkf4lEykZF9NPok1/R/fWrtzNp8jobuY7
                                   AZEcZadp1WdDF3jc2/ndCa5XZhLKD3JzOsBw
                                   FvL8sqlS5QS6FY/ijFEDnI4RkZA= )
                       3600 AAAA   2001:db8::f00:baa9
                       3600 RRSIG  AAAA 5 2 3600 20040509183619 (
                                   20040409183619 38519 example.
                                   nLcpFuXdT35AcE+EoafOUkl69KB+/e56XmFK
                                   kewXG2IadYLKAOBIoR5+VoQV3XgTcofTJNsh
                                   1rnF6Eav2zpZB3byI6yo2bwY8MNkr4A7cL9T
                                   cMmDwV/hWFKsbGBsj8xSCN/caEL2CWY/5XP2
                                   sZM6QjBBLmukH30+w1z3h8PUP2o= )
                       3600 NSEC   b.example. A HINFO AAAA RRSIG NSEC
                       3600 RRSIG  NSEC 5 2 3600 20040509183619 (
                                   20040409183619 38519 example.
                                   QoshyPevLcJ/xcRpEtMft1uoIrcrieVcc9pG
                                   CScIn5Glnib40T6ayVOimXwdSTZ/8ISXGj4p
                                   P8Sh0PlA6olZQ84L453/BUqB8BpdOGky4hsN
                                   3AGcLEv1Gr0QMvirQaFcjzOECfnGyBm+wpFL
                                   AhS+JOVfDI/79QtyTI0SaDWcg8U= )
        b.example.     3600 IN NS  ns1.b.example.
                       3600 IN NS  ns2.b.example.
                       3600 NSEC   ns1.example. NS RRSIG NSEC
                       3600 RRSIG  NSEC 5 2 3600 20040509183619 (
                                   20040409183619 38519 example.
                                   GNuxHn844wfmUhPzGWKJCPY5ttEX/RfjDoOx
                                   9ueK1PtYkOWKOOdiJ/PJKCYB3hYX+858dDWS
                                   xb2qnV/LSTCNVBnkm6owOpysY97MVj5VQEWs
                                   0lm9tFoqjcptQkmQKYPrwUnCSNwvvclSF1xZ
                                   vhRXgWT7OuFXldoCG6TfVFMs9xE= )
        ns1.b.example. 3600 IN A   192.0.2.7
        ns2.b.example. 3600 IN A   192.0.2.8
        ns1.example.   3600 IN A   192.0.2.1
                       3600 RRSIG  A 5 2 3600 20040509183619 (
                                   20040409183619 38519 example.
                                   F1C9HVhIcs10cZU09G5yIVfKJy5yRQQ3qVet
                                   5pGhp82pzhAOMZ3K22JnmK4c+IjUeFp/to06
                                   im5FVpHtbFisdjyPq84bhTv8vrXt5AB1wNB+
                                   +iAqvIfdgW4sFNC6oADb1hK8QNauw9VePJhK
                                   v/iVXSYC0b7mPSU+EOlknFpVECs= )
                       3600 NSEC   ns2.example. A RRSIG NSEC
                       3600 RRSIG  NSEC 5 2 3600 20040509183619 (
                                   20040409183619 38519 example.
                                   I4hj+Kt6+8rCcHcUdolks2S+Wzri9h3fHas8
                                   1rGN/eILdJHN7JpV6lLGPIh/8fIBkfvdyWnB
                                   jjf1q3O7JgYO1UdI7FvBNWqaaEPJK3UkddBq
                                   ZIaLi8Qr2XHkjq38BeQsbp8X0+6h4ETWSGT8
                                   IZaIGBLryQWGLw6Y6X8dqhlnxJM= )
        ns2.example.   3600 IN A   192.0.2.2
                       3600 RRSIG  A 5 2 3600 20040509183619 (
                                   20040409183619 38519 example.
                                   V7cQRw1TR+knlaL1z/psxlS1PcD37JJDaCMq
                                   Qo6/u1qFQu6x+wuDHRH22Ap9ulJPQjFwMKOu
                                   yfPGQPC8KzGdE3vt5snFEAoE1Vn3mQqtu7SO
                                   6amIjk13Kj/jyJ4nGmdRIc/3cM3ipXFhNTKq
                                   rdhx8SZ0yy4ObIRzIzvBFLiSS8o= )
                       3600 NSEC   *.w.example. A RRSIG NSEC
                       3600 RRSIG  NSEC 5 2 3600 20040509183619 (
                                   20040409183619 38519 example.
                                   N0QzHvaJf5NRw1rE9uxS1Ltb2LZ73Qb9bKGE
                                   VyaISkqzGpP3jYJXZJPVTq4UVEsgT3CgeHvb
                                   3QbeJ5Dfb2V9NGCHj/OvF/LBxFFWwhLwzngH
                                   l+bQAgAcMsLu/nL3nDi1y/JSQjAcdZNDl4bw
                                   Ymx28EtgIpo9A0qmP08rMBqs1Jw= )
        *.w.example.   3600 IN MX  1 ai.example.
                       3600 RRSIG  MX 5 2 3600 20040509183619 (
                                   20040409183619 38519 example.
                                   OMK8rAZlepfzLWW75Dxd63jy2wswESzxDKG2
                                   f9AMN1CytCd10cYISAxfAdvXSZ7xujKAtPbc
                                   tvOQ2ofO7AZJ+d01EeeQTVBPq4/6KCWhqe2X
                                   TjnkVLNvvhnc0u28aoSsG0+4InvkkOHknKxw
                                   4kX18MMR34i8lC36SR5xBni8vHI= )
                       3600 NSEC   x.w.example. MX RRSIG NSEC
                       3600 RRSIG  NSEC 5 2 3600 20040509183619 (
                                   20040409183619 38519 example.
                                   r/mZnRC3I/VIcrelgIcteSxDhtsdlTDt8ng9
                                   HSBlABOlzLxQtfgTnn8f+aOwJIAFe1Ee5RvU
                                   5cVhQJNP5XpXMJHfyps8tVvfxSAXfahpYqtx
                                   91gsmcV/1V9/bZAG55CefP9cM4Z9Y9NT9XQ8
                                   s1InQ2UoIv6tJEaaKkP701j8OLA= )
        x.w.example.   3600 IN MX  1 xx.example.
                       3600 RRSIG  MX 5 3 3600 20040509183619 (
                                   20040409183619 38519 example.
                                   Il2WTZ+Bkv+OytBx4LItNW5mjB4RCwhOO8y1
                                   XzPHZmZUTVYL7LaA63f6T9ysVBzJRI3KRjAP
                                   H3U1qaYnDoN1DrWqmi9RJe4FoObkbcdm7P3I
                                   kx70ePCoFgRz1Yq+bVVXCvGuAU4xALv3W/Y1
                                   jNSlwZ2mSWKHfxFQxPtLj8s32+k= )
                       3600 NSEC   x.y.w.example. MX RRSIG NSEC
                       3600 RRSIG  NSEC 5 3 3600 20040509183619 (
                                   20040409183619 38519 example.
                                   aRbpHftxggzgMXdDlym9SsADqMZovZZl2QWK
                                   vw8J0tZEUNQByH5Qfnf5N1FqH/pS46UA7A4E
                                   mcWBN9PUA1pdPY6RVeaRlZlCr1IkVctvbtaI
                                   NJuBba/VHm+pebTbKcAPIvL9tBOoh+to1h6e
                                   IjgiM8PXkBQtxPq37wDKALkyn7Q= )
        x.y.w.example. 3600 IN MX  1 xx.example.
                       3600 RRSIG  MX 5 4 3600 20040509183619 (
                                   20040409183619 38519 example.
                                   k2bJHbwP5LH5qN4is39UiPzjAWYmJA38Hhia
                                   t7i9t7nbX/e0FPnvDSQXzcK7UL+zrVA+3MDj
                                   q1ub4q3SZgcbLMgexxIW3Va//LVrxkP6Xupq
                                   GtOB9prkK54QTl/qZTXfMQpW480YOvVknhvb
                                   +gLcMZBnHJ326nb/TOOmrqNmQQE= )
                       3600 NSEC   xx.example. MX RRSIG NSEC
                       3600 RRSIG  NSEC 5 4 3600 20040509183619 (
                                   20040409183619 38519 example.
                                   OvE6WUzN2ziieJcvKPWbCAyXyP6ef8cr6Csp
                                   ArVSTzKSquNwbezZmkU7E34o5lmb6CWSSSpg
                                   xw098kNUFnHcQf/LzY2zqRomubrNQhJTiDTX
                                   a0ArunJQCzPjOYq5t0SLjm6qp6McJI1AP5Vr
                                   QoKqJDCLnoAlcPOPKAm/jJkn3jk= )
        xx.example.    3600 IN A   192.0.2.10
                       3600 RRSIG  A 5 2 3600 20040509183619 (
                                   20040409183619 38519 example.
                                   kBF4YxMGWF0D8r0cztL+2fWWOvN1U/GYSpYP
                                   7SoKoNQ4fZKyk+weWGlKLIUM+uE1zjVTPXoa
                                   0Z6WG0oZp46rkl1EzMcdMgoaeUzzAJ2BMq+Y
                                   VdxG9IK1yZkYGY9AgbTOGPoAgbJyO9EPULsx
                                   kbIDV6GPPSZVusnZU6OMgdgzHV4= )
                       3600 HINFO  "KLH-10" "TOPS-20"
                       3600 RRSIG  HINFO 5 2 3600 20040509183619 (
                                   20040409183619 38519 example.
                                   GY2PLSXmMHkWHfLdggiox8+chWpeMNJLkML0
                                   t+U/SXSUsoUdR91KNdNUkTDWamwcF8oFRjhq
                                   BcPZ6EqrF+vl5v5oGuvSF7U52epfVTC+wWF8
                                   3yCUeUw8YklhLWlvk8gQ15YKth0ITQy8/wI+
                                   RgNvuwbioFSEuv2pNlkq0goYxNY= )
                       3600 AAAA   2001:db8::f00:baaa
                       3600 RRSIG  AAAA 5 2 3600 20040509183619 (
                                   20040409183619 38519 example.
                                   Zzj0yodDxcBLnnOIwDsuKo5WqiaK24DlKg9C
                                   aGaxDFiKgKobUj2jilYQHpGFn2poFRetZd4z
                                   ulyQkssz2QHrVrPuTMS22knudCiwP4LWpVTr
                                   U4zfeA+rDz9stmSBP/4PekH/x2IoAYnwctd/
                                   xS9cL2QgW7FChw16mzlkH6/vsfs= )
                       3600 NSEC   example. A HINFO AAAA RRSIG NSEC
                       3600 RRSIG  NSEC 5 2 3600 20040509183619 (
                                   20040409183619 38519 example.
                                   ZFWUln6Avc8bmGl5GFjD3BwT530DUZKHNuoY
                                   9A8lgXYyrxu+pqgFiRVbyZRQvVB5pccEOT3k
                                   mvHgEa/HzbDB4PIYY79W+VHrgOxzdQGGCZzi
                                   asXrpSGOWwSOElghPnMIi8xdF7qtCntr382W
                                   GghLahumFIpg4MO3LS/prgzVVWo= )
        """

    /// RFC 4035 appendix B.
    static let plainResponses = [
        Response(
            section: "B.1 Answer", name: "x.w.example.", type: "MX", code: 0,
            answers: """
                x.w.example.   3600 IN MX  1 xx.example.
                x.w.example.   3600 RRSIG  MX 5 3 3600 20040509183619 (
                                           20040409183619 38519 example.
                                           Il2WTZ+Bkv+OytBx4LItNW5mjB4RCwhOO8y1
                                           XzPHZmZUTVYL7LaA63f6T9ysVBzJRI3KRjAP
                                           H3U1qaYnDoN1DrWqmi9RJe4FoObkbcdm7P3I
                                           kx70ePCoFgRz1Yq+bVVXCvGuAU4xALv3W/Y1
                                           jNSlwZ2mSWKHfxFQxPtLj8s32+k= )
                """,
            authorities: """
                example.       3600 NS     ns1.example.
                example.       3600 NS     ns2.example.
                example.       3600 RRSIG  NS 5 1 3600 20040509183619 (
                                           20040409183619 38519 example.
                                           gl13F00f2U0R+SWiXXLHwsMY+qStYy5k6zfd
                                           EuivWc+wd1fmbNCyql0Tk7lHTX6UOxc8AgNf
                                           4ISFve8XqF4q+o9qlnqIzmppU3LiNeKT4FZ8
                                           RO5urFOvoMRTbQxW3U0hXWuggE4g3ZpsHv48
                                           0HjMeRaZB/FRPGfJPajngcq6Kwg= )
                """,
            additionals: """
                xx.example.    3600 IN A   192.0.2.10
                xx.example.    3600 RRSIG  A 5 2 3600 20040509183619 (
                                           20040409183619 38519 example.
                                           kBF4YxMGWF0D8r0cztL+2fWWOvN1U/GYSpYP
                                           7SoKoNQ4fZKyk+weWGlKLIUM+uE1zjVTPXoa
                                           0Z6WG0oZp46rkl1EzMcdMgoaeUzzAJ2BMq+Y
                                           VdxG9IK1yZkYGY9AgbTOGPoAgbJyO9EPULsx
                                           kbIDV6GPPSZVusnZU6OMgdgzHV4= )
                xx.example.    3600 AAAA   2001:db8::f00:baaa
                xx.example.    3600 RRSIG  AAAA 5 2 3600 20040509183619 (
                                           20040409183619 38519 example.
                                           Zzj0yodDxcBLnnOIwDsuKo5WqiaK24DlKg9C
                                           aGaxDFiKgKobUj2jilYQHpGFn2poFRetZd4z
                                           ulyQkssz2QHrVrPuTMS22knudCiwP4LWpVTr
                                           U4zfeA+rDz9stmSBP/4PekH/x2IoAYnwctd/
                                           xS9cL2QgW7FChw16mzlkH6/vsfs= )
                ns1.example.   3600 IN A   192.0.2.1
                ns1.example.   3600 RRSIG  A 5 2 3600 20040509183619 (
                                           20040409183619 38519 example.
                                           F1C9HVhIcs10cZU09G5yIVfKJy5yRQQ3qVet
                                           5pGhp82pzhAOMZ3K22JnmK4c+IjUeFp/to06
                                           im5FVpHtbFisdjyPq84bhTv8vrXt5AB1wNB+
                                           +iAqvIfdgW4sFNC6oADb1hK8QNauw9VePJhK
                                           v/iVXSYC0b7mPSU+EOlknFpVECs= )
                ns2.example.   3600 IN A   192.0.2.2
                ns2.example.   3600 RRSIG  A 5 2 3600 20040509183619 (
                                           20040409183619 38519 example.
                                           V7cQRw1TR+knlaL1z/psxlS1PcD37JJDaCMq
                                           Qo6/u1qFQu6x+wuDHRH22Ap9ulJPQjFwMKOu
                                           yfPGQPC8KzGdE3vt5snFEAoE1Vn3mQqtu7SO
                                           6amIjk13Kj/jyJ4nGmdRIc/3cM3ipXFhNTKq
                                           rdhx8SZ0yy4ObIRzIzvBFLiSS8o= )
                """),
        Response(
            section: "B.2 Name Error", name: "ml.example.", type: "A", code: 3,
            answers: "",
            authorities: """
                example.       3600 IN SOA ns1.example. bugs.x.w.example. (
                                           1081539377
                                           3600
                                           300
                                           3600000
                                           3600
                                           )
                example.       3600 RRSIG  SOA 5 1 3600 20040509183619 (
                                           20040409183619 38519 example.
                                           ONx0k36rcjaxYtcNgq6iQnpNV5+drqYAsC9h
                                           7TSJaHCqbhE67Sr6aH2xDUGcqQWu/n0UVzrF
                                           vkgO9ebarZ0GWDKcuwlM6eNB5SiX2K74l5LW
                                           DA7S/Un/IbtDq4Ay8NMNLQI7Dw7n4p8/rjkB
                                           jV7j86HyQgM5e7+miRAz8V01b0I= )
                b.example.     3600 NSEC   ns1.example. NS RRSIG NSEC
                b.example.     3600 RRSIG  NSEC 5 2 3600 20040509183619 (
                                           20040409183619 38519 example.
                                           GNuxHn844wfmUhPzGWKJCPY5ttEX/RfjDoOx
                                           9ueK1PtYkOWKOOdiJ/PJKCYB3hYX+858dDWS
                                           xb2qnV/LSTCNVBnkm6owOpysY97MVj5VQEWs
                                           0lm9tFoqjcptQkmQKYPrwUnCSNwvvclSF1xZ
                                           vhRXgWT7OuFXldoCG6TfVFMs9xE= )
                example.       3600 NSEC   a.example. NS SOA MX RRSIG NSEC DNSKEY
                example.       3600 RRSIG  NSEC 5 1 3600 20040509183619 (
                                           20040409183619 38519 example.
                                           O0k558jHhyrC97ISHnislm4kLMW48C7U7cBm
                                           FTfhke5iVqNRVTB1STLMpgpbDIC9hcryoO0V
                                           Z9ME5xPzUEhbvGnHd5sfzgFVeGxr5Nyyq4tW
                                           SDBgIBiLQUv1ivy29vhXy7WgR62dPrZ0PWvm
                                           jfFJ5arXf4nPxp/kEowGgBRzY/U= )
                """,
            additionals: ""),
        Response(
            section: "B.3 No Data Error", name: "ns1.example.", type: "MX", code: 0,
            answers: "",
            authorities: """
                example.       3600 IN SOA ns1.example. bugs.x.w.example. (
                                           1081539377
                                           3600
                                           300
                                           3600000
                                           3600
                                           )
                example.       3600 RRSIG  SOA 5 1 3600 20040509183619 (
                                           20040409183619 38519 example.
                                           ONx0k36rcjaxYtcNgq6iQnpNV5+drqYAsC9h
                                           7TSJaHCqbhE67Sr6aH2xDUGcqQWu/n0UVzrF
                                           vkgO9ebarZ0GWDKcuwlM6eNB5SiX2K74l5LW
                                           DA7S/Un/IbtDq4Ay8NMNLQI7Dw7n4p8/rjkB
                                           jV7j86HyQgM5e7+miRAz8V01b0I= )
                ns1.example.   3600 NSEC   ns2.example. A RRSIG NSEC
                ns1.example.   3600 RRSIG  NSEC 5 2 3600 20040509183619 (
                                           20040409183619 38519 example.
                                           I4hj+Kt6+8rCcHcUdolks2S+Wzri9h3fHas8
                                           1rGN/eILdJHN7JpV6lLGPIh/8fIBkfvdyWnB
                                           jjf1q3O7JgYO1UdI7FvBNWqaaEPJK3UkddBq
                                           ZIaLi8Qr2XHkjq38BeQsbp8X0+6h4ETWSGT8
                                           IZaIGBLryQWGLw6Y6X8dqhlnxJM= )
                """,
            additionals: ""),
        Response(
            section: "B.4 Referral to Signed Zone", name: "mc.a.example.", type: "MX", code: 0,
            answers: "",
            authorities: """
                a.example.     3600 IN NS  ns1.a.example.
                a.example.     3600 IN NS  ns2.a.example.
                a.example.     3600 DS     57855 5 1 (
                                           B6DCD485719ADCA18E5F3D48A2331627FDD3
                                           636B )
                a.example.     3600 RRSIG  DS 5 2 3600 20040509183619 (
                                           20040409183619 38519 example.
                                           oXIKit/QtdG64J/CB+Gi8dOvnwRvqrto1AdQ
                                           oRkAN15FP3iZ7suB7gvTBmXzCjL7XUgQVcoH
                                           kdhyCuzp8W9qJHgRUSwKKkczSyuL64nhgjuD
                                           EML8l9wlWVsl7PR2VnZduM9bLyBhaaPmRKX/
                                           Fm+v6ccF2EGNLRiY08kdkz+XHHo= )
                """,
            additionals: """
                ns1.a.example. 3600 IN A   192.0.2.5
                ns2.a.example. 3600 IN A   192.0.2.6
                """),
        Response(
            section: "B.5 Referral to Unsigned Zone", name: "mc.b.example.", type: "MX", code: 0,
            answers: "",
            authorities: """
                b.example.     3600 IN NS  ns1.b.example.
                b.example.     3600 IN NS  ns2.b.example.
                b.example.     3600 NSEC   ns1.example. NS RRSIG NSEC
                b.example.     3600 RRSIG  NSEC 5 2 3600 20040509183619 (
                                           20040409183619 38519 example.
                                           GNuxHn844wfmUhPzGWKJCPY5ttEX/RfjDoOx
                                           9ueK1PtYkOWKOOdiJ/PJKCYB3hYX+858dDWS
                                           xb2qnV/LSTCNVBnkm6owOpysY97MVj5VQEWs
                                           0lm9tFoqjcptQkmQKYPrwUnCSNwvvclSF1xZ
                                           vhRXgWT7OuFXldoCG6TfVFMs9xE= )
                """,
            additionals: """
                ns1.b.example. 3600 IN A   192.0.2.7
                ns2.b.example. 3600 IN A   192.0.2.8
                """),
        Response(
            section: "B.6 Wildcard Expansion", name: "a.z.w.example.", type: "MX", code: 0,
            answers: """
                a.z.w.example. 3600 IN MX  1 ai.example.
                a.z.w.example. 3600 RRSIG  MX 5 2 3600 20040509183619 (
                                           20040409183619 38519 example.
                                           OMK8rAZlepfzLWW75Dxd63jy2wswESzxDKG2
                                           f9AMN1CytCd10cYISAxfAdvXSZ7xujKAtPbc
                                           tvOQ2ofO7AZJ+d01EeeQTVBPq4/6KCWhqe2X
                                           TjnkVLNvvhnc0u28aoSsG0+4InvkkOHknKxw
                                           4kX18MMR34i8lC36SR5xBni8vHI= )
                """,
            authorities: """
                example.       3600 NS     ns1.example.
                example.       3600 NS     ns2.example.
                example.       3600 RRSIG  NS 5 1 3600 20040509183619 (
                                           20040409183619 38519 example.
                                           gl13F00f2U0R+SWiXXLHwsMY+qStYy5k6zfd
                                           EuivWc+wd1fmbNCyql0Tk7lHTX6UOxc8AgNf
                                           4ISFve8XqF4q+o9qlnqIzmppU3LiNeKT4FZ8
                                           RO5urFOvoMRTbQxW3U0hXWuggE4g3ZpsHv48
                                           0HjMeRaZB/FRPGfJPajngcq6Kwg= )
                x.y.w.example. 3600 NSEC   xx.example. MX RRSIG NSEC
                x.y.w.example. 3600 RRSIG  NSEC 5 4 3600 20040509183619 (
                                           20040409183619 38519 example.
                                           OvE6WUzN2ziieJcvKPWbCAyXyP6ef8cr6Csp
                                           ArVSTzKSquNwbezZmkU7E34o5lmb6CWSSSpg
                                           xw098kNUFnHcQf/LzY2zqRomubrNQhJTiDTX
                                           a0ArunJQCzPjOYq5t0SLjm6qp6McJI1AP5Vr
                                           QoKqJDCLnoAlcPOPKAm/jJkn3jk= )
                """,
            additionals: """
                ai.example.    3600 IN A   192.0.2.9
                ai.example.    3600 RRSIG  A 5 2 3600 20040509183619 (
                                           20040409183619 38519 example.
                                           pAOtzLP2MU0tDJUwHOKE5FPIIHmdYsCgTb5B
                                           ERGgpnJluA9ixOyf6xxVCgrEJW0WNZSsJicd
                                           hBHXfDmAGKUajUUlYSAH8tS4ZnrhyymIvk3u
                                           ArDu2wfT130e9UHnumaHHMpUTosKe22PblOy
                                           6zrTpg9FkS0XGVmYRvOTNYx2HvQ= )
                ai.example.    3600 AAAA   2001:db8::f00:baa9
                ai.example.    3600 RRSIG  AAAA 5 2 3600 20040509183619 (
                                           20040409183619 38519 example.
                                           nLcpFuXdT35AcE+EoafOUkl69KB+/e56XmFK
                                           kewXG2IadYLKAOBIoR5+VoQV3XgTcofTJNsh
                                           1rnF6Eav2zpZB3byI6yo2bwY8MNkr4A7cL9T
                                           cMmDwV/hWFKsbGBsj8xSCN/caEL2CWY/5XP2
                                           sZM6QjBBLmukH30+w1z3h8PUP2o= )
                """),
        Response(
            section: "B.7 Wildcard No Data Error", name: "a.z.w.example.", type: "AAAA", code: 0,
            answers: "",
            authorities: """
                example.       3600 IN SOA ns1.example. bugs.x.w.example. (
                                           1081539377
                                           3600
                                           300
                                           3600000
                                           3600
                                           )
                example.       3600 RRSIG  SOA 5 1 3600 20040509183619 (
                                           20040409183619 38519 example.
                                           ONx0k36rcjaxYtcNgq6iQnpNV5+drqYAsC9h
                                           7TSJaHCqbhE67Sr6aH2xDUGcqQWu/n0UVzrF
                                           vkgO9ebarZ0GWDKcuwlM6eNB5SiX2K74l5LW
                                           DA7S/Un/IbtDq4Ay8NMNLQI7Dw7n4p8/rjkB
                                           jV7j86HyQgM5e7+miRAz8V01b0I= )
                x.y.w.example. 3600 NSEC   xx.example. MX RRSIG NSEC
                x.y.w.example. 3600 RRSIG  NSEC 5 4 3600 20040509183619 (
                                           20040409183619 38519 example.
                                           OvE6WUzN2ziieJcvKPWbCAyXyP6ef8cr6Csp
                                           ArVSTzKSquNwbezZmkU7E34o5lmb6CWSSSpg
                                           xw098kNUFnHcQf/LzY2zqRomubrNQhJTiDTX
                                           a0ArunJQCzPjOYq5t0SLjm6qp6McJI1AP5Vr
                                           QoKqJDCLnoAlcPOPKAm/jJkn3jk= )
                *.w.example.   3600 NSEC   x.w.example. MX RRSIG NSEC
                *.w.example.   3600 RRSIG  NSEC 5 2 3600 20040509183619 (
                                           20040409183619 38519 example.
                                           r/mZnRC3I/VIcrelgIcteSxDhtsdlTDt8ng9
                                           HSBlABOlzLxQtfgTnn8f+aOwJIAFe1Ee5RvU
                                           5cVhQJNP5XpXMJHfyps8tVvfxSAXfahpYqtx
                                           91gsmcV/1V9/bZAG55CefP9cM4Z9Y9NT9XQ8
                                           s1InQ2UoIv6tJEaaKkP701j8OLA= )
                """,
            additionals: ""),
        Response(
            section: "B.8 DS Child Zone No Data Error", name: "example.", type: "DS", code: 0,
            answers: "",
            authorities: """
                example.       3600 IN SOA ns1.example. bugs.x.w.example. (
                                           1081539377
                                           3600
                                           300
                                           3600000
                                           3600
                                           )
                example.       3600 RRSIG  SOA 5 1 3600 20040509183619 (
                                           20040409183619 38519 example.
                                           ONx0k36rcjaxYtcNgq6iQnpNV5+drqYAsC9h
                                           7TSJaHCqbhE67Sr6aH2xDUGcqQWu/n0UVzrF
                                           vkgO9ebarZ0GWDKcuwlM6eNB5SiX2K74l5LW
                                           DA7S/Un/IbtDq4Ay8NMNLQI7Dw7n4p8/rjkB
                                           jV7j86HyQgM5e7+miRAz8V01b0I= )
                example.       3600 NSEC   a.example. NS SOA MX RRSIG NSEC DNSKEY
                example.       3600 RRSIG  NSEC 5 1 3600 20040509183619 (
                                           20040409183619 38519 example.
                                           O0k558jHhyrC97ISHnislm4kLMW48C7U7cBm
                                           FTfhke5iVqNRVTB1STLMpgpbDIC9hcryoO0V
                                           Z9ME5xPzUEhbvGnHd5sfzgFVeGxr5Nyyq4tW
                                           SDBgIBiLQUv1ivy29vhXy7WgR62dPrZ0PWvm
                                           jfFJ5arXf4nPxp/kEowGgBRzY/U= )
                """,
            additionals: ""),
    ]

    /// RFC 5155 appendix A.
    static let hashedZone = """
        example. 3600  IN SOA  ns1.example. bugs.x.w.example. 1 3600 300 (
                               3600000 3600 )
                       RRSIG   SOA 7 1 3600 20150420235959 20051021000000 (
                               40430 example.
                               Hu25UIyNPmvPIVBrldN+9Mlp9Zql39qaUd8i
                               q4ZLlYWfUUbbAS41pG+68z81q1xhkYAcEyHd
                               VI2LmKusbZsT0Q== )
                       NS      ns1.example.
                       NS      ns2.example.
                       RRSIG   NS 7 1 3600 20150420235959 20051021000000 (
                               40430 example.
                               PVOgtMK1HHeSTau+HwDWC8Ts+6C8qtqd4pQJ
                               qOtdEVgg+MA+ai4fWDEhu3qHJyLcQ9tbD2vv
                               CnMXjtz6SyObxA== )
                       MX      1 xx.example.
                       RRSIG   MX 7 1 3600 20150420235959 20051021000000 (
                               40430 example.
                               GgQ1A9xs47k42VPvpL/a1BWUz/6XsnHkjotw
                               9So8MQtZtl2wJBsnOQsaoHrRCrRbyriEl/GZ
                               n9Mto/Kx+wBo+w== )
                       DNSKEY  256 3 7 AwEAAaetidLzsKWUt4swWR8yu0wPHPiUi8LU (
                               sAD0QPWU+wzt89epO6tHzkMBVDkC7qphQO2h
                               TY4hHn9npWFRw5BYubE= )
                       DNSKEY  257 3 7 AwEAAcUlFV1vhmqx6NSOUOq2R/dsR7Xm3upJ (
                               j7IommWSpJABVfW8Q0rOvXdM6kzt+TAu92L9
                               AbsUdblMFin8CVF3n4s= )
                       RRSIG   DNSKEY 7 1 3600 20150420235959 (
                               20051021000000 12708 example.
                               AuU4juU9RaxescSmStrQks3Gh9FblGBlVU31
                               uzMZ/U/FpsUb8aC6QZS+sTsJXnLnz7flGOsm
                               MGQZf3bH+QsCtg== )
                       NSEC3PARAM 1 0 12 aabbccdd
                       RRSIG   NSEC3PARAM 7 1 3600 20150420235959 (
                               20051021000000 40430 example.
                               C1Gl8tPZNtnjlrYWDeeUV/sGLCyy/IHie2re
                               rN05XSA3Pq0U3+4VvGWYWdUMfflOdxqnXHwJ
                               TLQsjlkynhG6Cg== )
        0p9mhaveqvm6t7vbl5lop2u3t2rp3tom.example. NSEC3 1 1 12 aabbccdd (
                               2t7b4g4vsa5smi47k61mv5bv1a22bojr MX DNSKEY NS
                               SOA NSEC3PARAM RRSIG )
                       RRSIG   NSEC3 7 2 3600 20150420235959 20051021000000 (
                               40430 example.
                               OSgWSm26B+cS+dDL8b5QrWr/dEWhtCsKlwKL
                               IBHYH6blRxK9rC0bMJPwQ4mLIuw85H2EY762
                               BOCXJZMnpuwhpA== )
        2t7b4g4vsa5smi47k61mv5bv1a22bojr.example. A 192.0.2.127
                       RRSIG   A 7 2 3600 20150420235959 20051021000000 (
                               40430 example.
                               h6c++bzhRuWWt2bykN6mjaTNBcXNq5UuL5Ed
                               K+iDP4eY8I0kSiKaCjg3tC1SQkeloMeub2GW
                               k8p6xHMPZumXlw== )
                       NSEC3   1 1 12 aabbccdd (
                               2vptu5timamqttgl4luu9kg21e0aor3s A RRSIG )
                       RRSIG   NSEC3 7 2 3600 20150420235959 20051021000000 (
                               40430 example.
                               OmBvJ1Vgg1hCKMXHFiNeIYHK9XVW0iLDLwJN
                               4TFoNxZuP03gAXEI634YwOc4YBNITrj413iq
                               NI6mRk/r1dOSUw== )
        2vptu5timamqttgl4luu9kg21e0aor3s.example. NSEC3 1 1 12 aabbccdd (
                               35mthgpgcu1qg68fab165klnsnk3dpvl MX RRSIG )
                       RRSIG   NSEC3 7 2 3600 20150420235959 20051021000000 (
                               40430 example.
                               KL1V2oFYghNV0Hm7Tf2vpJjM6l+0g1JCcVYG
                               VfI0lKrhPmTsOA96cLEACgo1x8I7kApJX+ob
                               TuktZ+sdsZPY1w== )
        35mthgpgcu1qg68fab165klnsnk3dpvl.example. NSEC3 1 1 12 aabbccdd (
                               b4um86eghhds6nea196smvmlo4ors995 NS DS RRSIG )
                       RRSIG   NSEC3 7 2 3600 20150420235959 20051021000000 (
                               40430 example.
                               g6jPUUpduAJKRljUsN8gB4UagAX0NxY9shwQ
                               Aynzo8EUWH+z6hEIBlUTPGj15eZll6VhQqgZ
                               XtAIR3chwgW+SA== )
        a.example.     NS      ns1.a.example.
                       NS      ns2.a.example.
                       DS      58470 5 1 (
                               3079F1593EBAD6DC121E202A8B766A6A4837206C )
                       RRSIG   DS 7 2 3600 20150420235959 20051021000000 (
                               40430 example.
                               XacFcQVHLVzdoc45EJhN616zQ4mEXtE8FzUh
                               M2KWjfy1VfRKD9r1MeVGwwoukOKgJxBPFsWo
                               o722vZ4UZ2dIdA== )
        ns1.a.example. A       192.0.2.5
        ns2.a.example. A       192.0.2.6
        ai.example.    A       192.0.2.9
                       RRSIG   A 7 2 3600 20150420235959 20051021000000 (
                               40430 example.
                               hVe+wKYMlObTRPhX0NL67GxeZfdxqr/QeR6F
                               tfdAj5+FgYxyzPEjIzvKWy00hWIl6wD3Vws+
                               rznEn8sQ64UdqA== )
                       HINFO   "KLH-10" "ITS"
                       RRSIG   HINFO 7 2 3600 20150420235959 20051021000000 (
                               40430 example.
                               Yi42uOq43eyO6qXHNvwwfFnIustWgV5urFcx
                               enkLvs6pKRh00VBjODmf3Z4nMO7IOl6nHSQ1
                               v0wLHpEZG7Xj2w== )
                       AAAA    2001:db8:0:0:0:0:f00:baa9
                       RRSIG   AAAA 7 2 3600 20150420235959 20051021000000 (
                               40430 example.
                               LcdxKaCB5bGZwPDg+3JJ4O02zoMBrjxqlf6W
                               uaHQZZfTUpb9Nf2nxFGe2XRPfR5tpJT6GdRG
                               cHueLuXkMjBArQ== )
        b4um86eghhds6nea196smvmlo4ors995.example. NSEC3 1 1 12 aabbccdd (
                               gjeqe526plbf1g8mklp59enfd789njgi MX RRSIG )
                       RRSIG   NSEC3 7 2 3600 20150420235959 20051021000000 (
                               40430 example.
                               ZkPG3M32lmoHM6pa3D6gZFGB/rhL//Bs3Omh
                               5u4m/CUiwtblEVOaAKKZd7S959OeiX43aLX3
                               pOv0TSTyiTxIZg== )
        c.example.     NS      ns1.c.example.
                       NS      ns2.c.example.
        ns1.c.example. A       192.0.2.7
        ns2.c.example. A       192.0.2.8
        gjeqe526plbf1g8mklp59enfd789njgi.example. NSEC3 1 1 12 aabbccdd (
                               ji6neoaepv8b5o6k4ev33abha8ht9fgc HINFO A AAAA
                               RRSIG )
                       RRSIG   NSEC3 7 2 3600 20150420235959 20051021000000 (
                               40430 example.
                               IVnezTJ9iqblFF97vPSmfXZ5Zozngx3KX3by
                               LTZC4QBH2dFWhf6scrGFZB980AfCxoD9qbbK
                               Dy+rdGIeRSVNyw== )
        ji6neoaepv8b5o6k4ev33abha8ht9fgc.example. NSEC3 1 1 12 aabbccdd (
                               k8udemvp1j2f7eg6jebps17vp3n8i58h )
                       RRSIG   NSEC3 7 2 3600 20150420235959 20051021000000 (
                               40430 example.
                               gPkFp1s2QDQ6wQzcg1uSebZ61W33rUBDcTj7
                               2F3kQ490fEdp7k1BUIfbcZtPbX3YCpE+sIt0
                               MpzVSKfTwx4uYA== )
        k8udemvp1j2f7eg6jebps17vp3n8i58h.example. NSEC3 1 1 12 aabbccdd (
                               kohar7mbb8dc2ce8a9qvl8hon4k53uhi )
                       RRSIG   NSEC3 7 2 3600 20150420235959 20051021000000 (
                               40430 example.
                               FtXGbvF0+wf8iWkyo73enAuVx03klN+pILBK
                               S6qCcftVtfH4yVzsEZquJ27NHR7ruxJWDNMt
                               Otx7w9WfcIg62A== )
        kohar7mbb8dc2ce8a9qvl8hon4k53uhi.example. NSEC3 1 1 12 aabbccdd (
                               q04jkcevqvmu85r014c7dkba38o0ji5r A RRSIG )
                       RRSIG   NSEC3 7 2 3600 20150420235959 20051021000000 (
                               40430 example.
                               VrDXs2uVW21N08SyQIz88zml+y4ZCInTwgDr
                               6zz43yAg+LFERjOrj3Ojct51ac7Dp4eZbf9F
                               QJazmASFKGxGXg== )
        ns1.example.   A       192.0.2.1
                       RRSIG   A 7 2 3600 20150420235959 20051021000000 (
                               40430 example.
                               bu6kx73n6XEunoVGuRfAgY7EF/AJqHy7hj0j
                               kiqJjB0dOrx3wuz9SaBeGfqWIdn/uta3SavN
                               4FRvZR9SCFHF5Q== )
        ns2.example.   A       192.0.2.2
                       RRSIG   A 7 2 3600 20150420235959 20051021000000 (
                               40430 example.
                               ktQ3TqE0CfRfki0Rb/Ip5BM0VnxelbuejCC4
                               zpLbFKA/7eD7UNAwxMgxJPtbdST+syjYSJaj
                               4IHfeX6n8vfoGA== )
        q04jkcevqvmu85r014c7dkba38o0ji5r.example. NSEC3 1 1 12 aabbccdd (
                               r53bq7cc2uvmubfu5ocmm6pers9tk9en A RRSIG )
                       RRSIG   NSEC3 7 2 3600 20150420235959 20051021000000 (
                               40430 example.
                               hV5I89b+4FHJDATp09g4bbN0R1F845CaXpL3
                               ZxlMKimoPAyqletMlEWwLfFia7sdpSzn+ZlN
                               NlkxWcLsIlMmUg== )
        r53bq7cc2uvmubfu5ocmm6pers9tk9en.example. NSEC3 1 1 12 aabbccdd (
                               t644ebqk9bibcna874givr6joj62mlhv MX RRSIG )
                       RRSIG   NSEC3 7 2 3600 20150420235959 20051021000000 (
                               40430 example.
                               aupviViruXs4bDg9rCbezzBMf9h1ZlDvbW/C
                               ZFKulIGXXLj8B/fsDJarXVDA9bnUoRhEbKp+
                               HF1FWKW7RIJdtQ== )
        t644ebqk9bibcna874givr6joj62mlhv.example. NSEC3 1 1 12 aabbccdd (
                               0p9mhaveqvm6t7vbl5lop2u3t2rp3tom HINFO A AAAA
                               RRSIG )
                       RRSIG   NSEC3 7 2 3600 20150420235959 20051021000000 (
                               40430 example.
                               RAjGECB8P7O+F4Pa4Dx3tC0M+Z3KmlLKImca
                               fb9XWwx+NWUNz7NBEDBQHivIyKPVDkChcePI
                               X1xPl1ATNa+8Dw== )
        *.w.example.   MX      1 ai.example.
                       RRSIG   MX 7 2 3600 20150420235959 20051021000000 (
                               40430 example.
                               CikebjQwGQPwijVcxgcZcSJKtfynugtlBiKb
                               9FcBTrmOoyQ4InoWVudhCWsh/URX3lc4WRUM
                               ivEBP6+4KS3ldA== )
        x.w.example.   MX      1 xx.example.
                       RRSIG   MX 7 3 3600 20150420235959 20051021000000 (
                               40430 example.
                               IrK3tq/tHFIBF0scHiE/1IwMAvckS/55hAVv
                               QyxTFbkAdDloP3NbZzu+yoSsr3b3OX6qbBpY
                               7WCtwwekLKRAwQ== )
        x.y.w.example. MX      1 xx.example.
                       RRSIG   MX 7 4 3600 20150420235959 20051021000000 (
                               40430 example.
                               MqSt5HqJIN8+SLlzTOImrh5h9Xa6gDvAW/Gn
                               nbdPc6Z7nXvCpLPJj/5lCwx3VuzVOjkbvXze
                               8/8Ccl2Zn2hbug== )
        xx.example.    A       192.0.2.10
                       RRSIG   A 7 2 3600 20150420235959 20051021000000 (
                               40430 example.
                               T35hBWEZ017VC5u2c4OriKyVn/pu+fVK4AlX
                               YOxJ6iQylfV2HQIKjv6b7DzINB3aF/wjJqgX
                               pQvhq+Ac6+ZiFg== )
                       HINFO   "KLH-10" "TOPS-20"
                       RRSIG   HINFO 7 2 3600 20150420235959 20051021000000 (
                               40430 example.
                               KimG+rDd+7VA1zRsu0ITNAQUTRlpnsmqWrih
                               FRnU+bRa93v2e5oFNFYCs3Rqgv62K93N7AhW
                               6Jfqj/8NzWjvKg== )
                       AAAA    2001:db8:0:0:0:0:f00:baaa
                       RRSIG   AAAA 7 2 3600 20150420235959 20051021000000 (
                               40430 example.
                               IXBcXORITNwd8h3gNwyxtYFvAupS/CYWufVe
                               uBUX0O25ivBCULjZjpDxFSxfohb/KA7YRdxE
                               NzYfMItpILl/Xw== )
        """

    /// RFC 5155 appendix B.
    static let hashedResponses = [
        Response(
            section: "B.1 Name Error", name: "a.c.x.w.example.", type: "A", code: 3,
            answers: "",
            authorities: """
                example.       SOA     ns1.example. bugs.x.w.example. 1 3600 300 (
                                       3600000 3600 )
                example.       RRSIG   SOA 7 1 3600 20150420235959 20051021000000 (
                                       40430 example.
                                       Hu25UIyNPmvPIVBrldN+9Mlp9Zql39qaUd8i
                                       q4ZLlYWfUUbbAS41pG+68z81q1xhkYAcEyHd
                                       VI2LmKusbZsT0Q== )
                0p9mhaveqvm6t7vbl5lop2u3t2rp3tom.example. NSEC3 1 1 12 aabbccdd (
                                       2t7b4g4vsa5smi47k61mv5bv1a22bojr MX DNSKEY NS
                                       SOA NSEC3PARAM RRSIG )
                0p9mhaveqvm6t7vbl5lop2u3t2rp3tom.example. RRSIG NSEC3 7 2 3600 (
                                       20150420235959 20051021000000 40430 example.
                                       OSgWSm26B+cS+dDL8b5QrWr/dEWhtCsKlwKL
                                       IBHYH6blRxK9rC0bMJPwQ4mLIuw85H2EY762
                                       BOCXJZMnpuwhpA== )
                b4um86eghhds6nea196smvmlo4ors995.example. NSEC3 1 1 12 aabbccdd (
                                       gjeqe526plbf1g8mklp59enfd789njgi MX RRSIG )
                b4um86eghhds6nea196smvmlo4ors995.example. RRSIG NSEC3 7 2 3600 (
                                       20150420235959 20051021000000 40430 example.
                                       ZkPG3M32lmoHM6pa3D6gZFGB/rhL//Bs3Omh
                                       5u4m/CUiwtblEVOaAKKZd7S959OeiX43aLX3
                                       pOv0TSTyiTxIZg== )
                35mthgpgcu1qg68fab165klnsnk3dpvl.example. NSEC3 1 1 12 aabbccdd (
                                       b4um86eghhds6nea196smvmlo4ors995 NS DS RRSIG )
                35mthgpgcu1qg68fab165klnsnk3dpvl.example. RRSIG NSEC3 7 2 3600 (
                                       20150420235959 20051021000000 40430 example.
                                       g6jPUUpduAJKRljUsN8gB4UagAX0NxY9shwQ
                                       Aynzo8EUWH+z6hEIBlUTPGj15eZll6VhQqgZ
                                       XtAIR3chwgW+SA== )
                """,
            additionals: ""),
        Response(
            section: "B.2 No Data Error", name: "ns1.example.", type: "MX", code: 0,
            answers: "",
            authorities: """
                example.       SOA     ns1.example. bugs.x.w.example. 1 3600 300 (
                                       3600000 3600 )
                example.       RRSIG   SOA 7 1 3600 20150420235959 20051021000000 (
                                       40430 example.
                                       Hu25UIyNPmvPIVBrldN+9Mlp9Zql39qaUd8i
                                       q4ZLlYWfUUbbAS41pG+68z81q1xhkYAcEyHd
                                       VI2LmKusbZsT0Q== )
                2t7b4g4vsa5smi47k61mv5bv1a22bojr.example. NSEC3 1 1 12 aabbccdd (
                                       2vptu5timamqttgl4luu9kg21e0aor3s A RRSIG )
                2t7b4g4vsa5smi47k61mv5bv1a22bojr.example. RRSIG NSEC3 7 2 3600 (
                                       20150420235959 20051021000000 40430 example.
                                       OmBvJ1Vgg1hCKMXHFiNeIYHK9XVW0iLDLwJN
                                       4TFoNxZuP03gAXEI634YwOc4YBNITrj413iq
                                       NI6mRk/r1dOSUw== )
                """,
            additionals: ""),
        Response(
            section: "B.2.1 No Data Error, Empty Non-Terminal", name: "y.w.example.", type: "A",
            code: 0,
            answers: "",
            authorities: """
                example.       SOA     ns1.example. bugs.x.w.example. 1 3600 300 (
                                       3600000 3600 )
                example.       RRSIG   SOA 7 1 3600 20150420235959 20051021000000 (
                                       40430 example.
                                       Hu25UIyNPmvPIVBrldN+9Mlp9Zql39qaUd8i
                                       q4ZLlYWfUUbbAS41pG+68z81q1xhkYAcEyHd
                                       VI2LmKusbZsT0Q== )
                ji6neoaepv8b5o6k4ev33abha8ht9fgc.example. NSEC3 1 1 12 aabbccdd (
                                       k8udemvp1j2f7eg6jebps17vp3n8i58h )
                ji6neoaepv8b5o6k4ev33abha8ht9fgc.example. RRSIG NSEC3 7 2 3600 (
                                       20150420235959 20051021000000 40430 example.
                                       gPkFp1s2QDQ6wQzcg1uSebZ61W33rUBDcTj7
                                       2F3kQ490fEdp7k1BUIfbcZtPbX3YCpE+sIt0
                                       MpzVSKfTwx4uYA== )
                """,
            additionals: ""),
        Response(
            section: "B.3 Referral to an Opt-Out Unsigned Zone", name: "mc.c.example.", type: "MX",
            code: 0,
            answers: "",
            authorities: """
                c.example.     NS      ns1.c.example.
                               NS      ns2.c.example.
                35mthgpgcu1qg68fab165klnsnk3dpvl.example. NSEC3 1 1 12 aabbccdd (
                                       b4um86eghhds6nea196smvmlo4ors995 NS DS RRSIG )
                35mthgpgcu1qg68fab165klnsnk3dpvl.example. RRSIG NSEC3 7 2 3600 (
                                       20150420235959 20051021000000 40430 example.
                                       g6jPUUpduAJKRljUsN8gB4UagAX0NxY9shwQ
                                       Aynzo8EUWH+z6hEIBlUTPGj15eZll6VhQqgZ
                                       XtAIR3chwgW+SA== )
                0p9mhaveqvm6t7vbl5lop2u3t2rp3tom.example. NSEC3 1 1 12 aabbccdd (
                                       2t7b4g4vsa5smi47k61mv5bv1a22bojr MX DNSKEY NS
                                       SOA NSEC3PARAM RRSIG )
                0p9mhaveqvm6t7vbl5lop2u3t2rp3tom.example. RRSIG NSEC3 7 2 3600 (
                                       20150420235959 20051021000000 40430 example.
                                       OSgWSm26B+cS+dDL8b5QrWr/dEWhtCsKlwKL
                                       IBHYH6blRxK9rC0bMJPwQ4mLIuw85H2EY762
                                       BOCXJZMnpuwhpA== )
                """,
            additionals: """
                ns1.c.example. A       192.0.2.7
                ns2.c.example. A       192.0.2.8
                """),
        Response(
            section: "B.4 Wildcard Expansion", name: "a.z.w.example.", type: "MX", code: 0,
            answers: """
                a.z.w.example. MX      1 ai.example.
                a.z.w.example. RRSIG   MX 7 2 3600 20150420235959 20051021000000 (
                                       40430 example.
                                       CikebjQwGQPwijVcxgcZcSJKtfynugtlBiKb
                                       9FcBTrmOoyQ4InoWVudhCWsh/URX3lc4WRUM
                                       ivEBP6+4KS3ldA== )
                """,
            authorities: """
                example.       NS      ns1.example.
                example.       NS      ns2.example.
                example.       RRSIG   NS 7 1 3600 20150420235959 20051021000000 (
                                       40430 example.
                                       PVOgtMK1HHeSTau+HwDWC8Ts+6C8qtqd4pQJ
                                       qOtdEVgg+MA+ai4fWDEhu3qHJyLcQ9tbD2vv
                                       CnMXjtz6SyObxA== )
                q04jkcevqvmu85r014c7dkba38o0ji5r.example. NSEC3 1 1 12 aabbccdd (
                                       r53bq7cc2uvmubfu5ocmm6pers9tk9en A RRSIG )
                q04jkcevqvmu85r014c7dkba38o0ji5r.example. RRSIG NSEC3 7 2 3600 (
                                       20150420235959 20051021000000 40430 example.
                                       hV5I89b+4FHJDATp09g4bbN0R1F845CaXpL3
                                       ZxlMKimoPAyqletMlEWwLfFia7sdpSzn+ZlN
                                       NlkxWcLsIlMmUg== )
                """,
            additionals: """
                ai.example.    A       192.0.2.9
                ai.example.    RRSIG   A 7 2 3600 20150420235959 20051021000000 (
                                       40430 example.
                                       hVe+wKYMlObTRPhX0NL67GxeZfdxqr/QeR6F
                                       tfdAj5+FgYxyzPEjIzvKWy00hWIl6wD3Vws+
                                       rznEn8sQ64UdqA== )
                ai.example.    AAAA    2001:db8:0:0:0:0:f00:baa9
                ai.example.    RRSIG   AAAA 7 2 3600 20150420235959 20051021000000 (
                                       40430 example.
                                       LcdxKaCB5bGZwPDg+3JJ4O02zoMBrjxqlf6W
                                       uaHQZZfTUpb9Nf2nxFGe2XRPfR5tpJT6GdRG
                                       cHueLuXkMjBArQ== )
                """),
        Response(
            section: "B.5 Wildcard No Data Error", name: "a.z.w.example.", type: "AAAA", code: 0,
            answers: "",
            authorities: """
                example.       SOA     ns1.example. bugs.x.w.example. 1 3600 300 (
                                       3600000 3600 )
                example.       RRSIG   SOA 7 1 3600 20150420235959 20051021000000 (
                                       40430 example.
                                       Hu25UIyNPmvPIVBrldN+9Mlp9Zql39qaUd8i
                                       q4ZLlYWfUUbbAS41pG+68z81q1xhkYAcEyHd
                                       VI2LmKusbZsT0Q== )
                k8udemvp1j2f7eg6jebps17vp3n8i58h.example. NSEC3 1 1 12 aabbccdd (
                                       kohar7mbb8dc2ce8a9qvl8hon4k53uhi )
                k8udemvp1j2f7eg6jebps17vp3n8i58h.example. RRSIG NSEC3 7 2 3600 (
                                       20150420235959 20051021000000 40430 example.
                                       FtXGbvF0+wf8iWkyo73enAuVx03klN+pILBK
                                       S6qCcftVtfH4yVzsEZquJ27NHR7ruxJWDNMt
                                       Otx7w9WfcIg62A== )
                q04jkcevqvmu85r014c7dkba38o0ji5r.example. NSEC3 1 1 12 aabbccdd (
                                       r53bq7cc2uvmubfu5ocmm6pers9tk9en A RRSIG )
                q04jkcevqvmu85r014c7dkba38o0ji5r.example. RRSIG NSEC3 7 2 3600 (
                                       20150420235959 20051021000000 40430 example.
                                       hV5I89b+4FHJDATp09g4bbN0R1F845CaXpL3
                                       ZxlMKimoPAyqletMlEWwLfFia7sdpSzn+ZlN
                                       NlkxWcLsIlMmUg== )
                r53bq7cc2uvmubfu5ocmm6pers9tk9en.example. NSEC3 1 1 12 aabbccdd (
                                       t644ebqk9bibcna874givr6joj62mlhv MX RRSIG )
                r53bq7cc2uvmubfu5ocmm6pers9tk9en.example. RRSIG NSEC3 7 2 3600 (
                                       20150420235959 20051021000000 40430 example.
                                       aupviViruXs4bDg9rCbezzBMf9h1ZlDvbW/C
                                       ZFKulIGXXLj8B/fsDJarXVDA9bnUoRhEbKp+
                                       HF1FWKW7RIJdtQ== )
                """,
            additionals: ""),
        Response(
            section: "B.6 DS Child Zone No Data Error", name: "example.", type: "DS", code: 0,
            answers: "",
            authorities: """
                example.       SOA     ns1.example. bugs.x.w.example. 1 3600 300 (
                                       3600000 3600 )
                example.       RRSIG   SOA 7 1 3600 20150420235959 20051021000000 (
                                       40430 example.
                                       Hu25UIyNPmvPIVBrldN+9Mlp9Zql39qaUd8i
                                       q4ZLlYWfUUbbAS41pG+68z81q1xhkYAcEyHd
                                       VI2LmKusbZsT0Q== )
                0p9mhaveqvm6t7vbl5lop2u3t2rp3tom.example. NSEC3 1 1 12 aabbccdd (
                                       2t7b4g4vsa5smi47k61mv5bv1a22bojr MX DNSKEY NS
                                       SOA NSEC3PARAM RRSIG )
                0p9mhaveqvm6t7vbl5lop2u3t2rp3tom.example. RRSIG NSEC3 7 2 3600 (
                                       20150420235959 20051021000000 40430 example.
                                       OSgWSm26B+cS+dDL8b5QrWr/dEWhtCsKlwKL
                                       IBHYH6blRxK9rC0bMJPwQ4mLIuw85H2EY762
                                       BOCXJZMnpuwhpA== )
                """,
            additionals: ""),
    ]
}
