// SPDX-License-Identifier: Apache-2.0

import DNS
import Testing
import World
import ZoneTransfer

@Suite("RFC 1035 §3.3.13 when a secondary asks, and when it gives up")
struct SecondaryClockTests {
    private func soa(refresh: UInt32, retry: UInt32, expire: UInt32) throws -> SOA {
        SOA(
            primary: .root, responsible: .root, serial: 1, refresh: refresh, retry: retry,
            expire: expire, minimum: 0)
    }

    private func at(_ seconds: Int64) -> Timestamp { Timestamp(seconds: seconds) }

    @Test("It asks after refresh, then after retry, and serves until expire")
    func life() throws {
        let soa = try soa(refresh: 1000, retry: 100, expire: 5000)
        var clock = SecondaryClock(now: at(0))
        #expect(clock.isDue(at: at(0)) && !clock.isExpired(at: at(1_000_000)))
        clock.succeeded(at: at(10), soa, chance: 0)
        #expect(clock.nextCheck == at(1010) && clock.expiry == at(5010))
        #expect(!clock.isDue(at: at(1009)) && clock.isDue(at: at(1010)))
        clock.failed(at: at(1010), chance: 0)
        #expect(clock.nextCheck == at(1110))
        clock.failed(at: at(5005), chance: 0)
        #expect(!clock.isExpired(at: at(5009)) && clock.isExpired(at: at(5010)))
        clock.succeeded(at: at(6000), soa, chance: 0)
        #expect(!clock.isExpired(at: at(6000)) && clock.expiry == at(11_000))
    }

    @Test("Chance brings a check up to a tenth forward, never back")
    func chance() throws {
        let soa = try soa(refresh: 1000, retry: 100, expire: 5000)
        var seen: Set<Int64> = []
        for chance in stride(from: UInt64(0), to: .max / 2, by: .max / 97) {
            var clock = SecondaryClock(now: at(0))
            clock.succeeded(at: at(0), soa, chance: chance)
            #expect(clock.nextCheck > at(899) && clock.nextCheck <= at(1000))
            seen.insert(clock.nextCheck.seconds)
        }
        #expect(seen.count > 10)
    }

    @Test("Whatever a zone says, primaries are not flooded, and news is looked for daily")
    func bounds() throws {
        var clock = SecondaryClock(now: at(0))
        clock.succeeded(at: at(0), try soa(refresh: 0, retry: 0, expire: 100), chance: 0)
        #expect(clock.nextCheck == at(10))
        clock.failed(at: at(10), chance: 0)
        #expect(clock.nextCheck == at(20))
        clock.succeeded(
            at: at(0), try soa(refresh: .max, retry: .max, expire: .max), chance: 0)
        #expect(clock.nextCheck == at(86_400))
        #expect(clock.expiry == at(Int64(UInt32.max)))
        clock.failed(at: at(0), chance: 0)
        #expect(clock.nextCheck == at(6 * 3600))
    }

    @Test("Without a first transfer the pauses grow to an hour; a notification ends them")
    func first() throws {
        var clock = SecondaryClock(now: at(0))
        var now = at(0)
        var pauses: [Int64] = []
        for _ in 0..<12 {
            clock.failed(at: now, chance: 0)
            pauses.append(clock.nextCheck.seconds - now.seconds)
            now = clock.nextCheck
        }
        #expect(pauses == [10, 20, 40, 80, 160, 320, 640, 1280, 2560, 3600, 3600, 3600])
        clock.failed(at: now, chance: 0)
        clock.notified(at: now)
        #expect(clock.isDue(at: now))
    }

    @Test("A restart takes up where it was")
    func restart() throws {
        let soa = try soa(refresh: 1000, retry: 100, expire: 5000)
        let clock = SecondaryClock(checkedAt: at(10), soa: soa, chance: 0)
        #expect(clock.nextCheck == at(1010) && clock.expiry == at(5010))
    }
}

@Suite("RFC 1996 notifications")
struct ZoneNoticeTests {
    @Test("A notification is read as it was written, and its response is known")
    func roundTrip() throws {
        let start = try SampleZone.zone("").start
        let octets = ZoneNotice.octets(start: start, id: 5)
        let notice = try ZoneNotice(parsing: octets)
        #expect(notice.origin == start.owner && notice.hint == 1)
        let header = try Message(parsing: octets).header
        #expect(header.opcode == 4 && header.isAuthoritative && !header.isResponse)
        let response = notice.response()
        #expect(ZoneNotice.isResponse(response, to: start.owner, id: 5))
        #expect(!ZoneNotice.isResponse(response, to: start.owner, id: 6))
        #expect(!ZoneNotice.isResponse(response, to: try Name("other.example"), id: 5))
        #expect(!ZoneNotice.isResponse(octets, to: start.owner, id: 5))
        #expect(!ZoneNotice.isResponse([0, 5], to: start.owner, id: 5))
    }

    @Test("Other types and classes, and what is cut short, are refused")
    func refused() throws {
        let octets = ZoneNotice.octets(start: try SampleZone.zone("").start, id: 5)
        for count in 0..<29 {
            #expect(throws: TransferQuery.Refused(code: .formatError)) {
                _ = try ZoneNotice(parsing: Array(octets.prefix(count)))
            }
        }
        var other = octets
        other[12 + 13 + 1] = 1
        #expect(throws: TransferQuery.Refused(code: .notImplemented)) {
            _ = try ZoneNotice(parsing: other)
        }
    }
}
