// SPDX-License-Identifier: Apache-2.0

import Bytes
import MIME
import Testing
import World

@Suite("RFC 5322 §3.3 dates")
struct DateTimeTests {
    private static let table: [(String, String?, Bool)] = [
        ("Fri, 21 Nov 1997 09:55:06 -0600", "1997-11-21T09:55:06-06:00", true),
        ("Tue, 1 Jul 2003 10:52:37 +0200", "2003-07-01T10:52:37+02:00", true),
        ("1 Jul 2003 10:52 +0200", "2003-07-01T10:52:00+02:00", true),
        // Appendix A.5 and A.6.2
        (
            "Thu,\r\n      13\r\n        Feb\r\n          1969\r\n      23:32\r\n"
                + "               -0330 (Newfoundland Time)",
            "1969-02-13T23:32:00-03:30", true
        ),
        ("21 Nov 97 09:55:06 GMT", "1997-11-21T09:55:06+00:00", false),
        ("Fri, 21 Nov 1997 09(comment):   55  :  06 -0600", "1997-11-21T09:55:06-06:00", true),
        // §4.3
        ("1 Jan 49 00:00:00 +0000", "2049-01-01T00:00:00+00:00", false),
        ("1 Jan 50 00:00:00 +0000", "1950-01-01T00:00:00+00:00", false),
        ("1 Jan 103 00:00:00 +0000", "2003-01-01T00:00:00+00:00", false),
        ("1 Jan 2000 00:00:00 EST", "2000-01-01T00:00:00-05:00", true),
        ("1 Jan 2000 00:00:00 PDT", "2000-01-01T00:00:00-07:00", true),
        ("1 Jan 2000 00:00:00 A", "2000-01-01T00:00:00-00:00", true),
        ("1 Jan 2000 00:00:00 -0000", "2000-01-01T00:00:00-00:00", true),
        ("29 Feb 2024 23:59:60 +0000", "2024-02-29T23:59:60+00:00", true),
        // Seen in the wild
        ("Fri Nov 21 09:55:06 1997", "1997-11-21T09:55:06-00:00", false),
        ("Fri, 21-Nov-97 09:55:06 +0000", "1997-11-21T09:55:06+00:00", false),
        ("2014-01-02T03:04:05Z", "2014-01-02T03:04:05+00:00", false),
        ("2014-01-02 03:04:05 +0100", "2014-01-02T03:04:05+01:00", false),
        ("Fri, 21 Nov 1997 09:55:06 GMT+0100", "1997-11-21T09:55:06+01:00", false),
        ("Fri, 21 Nov 1997 09:55:06", "1997-11-21T09:55:06-00:00", false),
        ("Fri, 21 Nov 1997 09:55:06 +0100 CET", "1997-11-21T09:55:06+01:00", false),
        ("01 Jan 2001 00:01+0100", "2001-01-01T00:01:00+01:00", false),
        // None
        ("", nil, false),
        ("yesterday", nil, false),
        ("30 Feb 2000 00:00:00 +0000", nil, false),
        ("29 Feb 2023 00:00:00 +0000", nil, false),
        ("1 Jan 2000 24:00:00 +0000", nil, false),
        ("1 Jan 2000 00:60:00 +0000", nil, false),
        ("1 Foo 2000 00:00:00 +0000", nil, false),
        ("1 Jan 2000", nil, false),
        ("99999999999999999999 Jan 2000 00:00:00 +0000", nil, false),
    ]

    @Test("Each date is read with the offset it had", arguments: table)
    func reads(_ text: String, _ expected: String?, _ isStrict: Bool) {
        let found = DateTime.parse(Array(text.utf8)[...])
        #expect(found?.date.description == expected)
        if let found { #expect(found.isStrict == isStrict) }
    }

    @Test("What is written is read as the same instant, and the calendar agrees with itself")
    func roundTrip() throws {
        // Steps of about 11 days and an odd number of seconds, from 1904 to 2116.
        for step in Int64(-2100)...4700 {
            let time = Timestamp(seconds: step * 983_977)
            let text = CalendarDate(time).internetMessageFormat
            let (date, isStrict) = try #require(DateTime.parse(Array(text.utf8)[...]))
            #expect(date.timestamp == time)
            #expect(isStrict)
        }
    }

    private static let calendar: [(Int64, String, String)] = [
        (0, "Thu, 1 Jan 1970 00:00:00 +0000", "1970-01-01T00:00:00Z"),
        (-1, "Wed, 31 Dec 1969 23:59:59 +0000", "1969-12-31T23:59:59Z"),
        (951_782_400, "Tue, 29 Feb 2000 00:00:00 +0000", "2000-02-29T00:00:00Z"),
        (1_795_241_497, "Sat, 21 Nov 2026 06:11:37 +0000", "2026-11-21T06:11:37Z"),
        (4_107_542_400, "Mon, 1 Mar 2100 00:00:00 +0000", "2100-03-01T00:00:00Z"),
    ]

    @Test("The Gregorian calendar is kept", arguments: calendar)
    func calendarDates(_ seconds: Int64, _ mail: String, _ internet: String) {
        let date = CalendarDate(Timestamp(seconds: seconds))
        #expect(date.internetMessageFormat == mail)
        #expect(date.internetFormat == internet)
    }
}
