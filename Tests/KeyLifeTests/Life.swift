// SPDX-License-Identifier: Apache-2.0

import Bytes
import DKIM
import DNS
import KeyLife
import Mail
import World

/// The keys of a domain with a zone and a clock, as a test moves them.
struct Life {
    /// How the zone comes to hold what it should.
    enum Publishing {
        case byItself
        /// Nobody does it but the test.
        case byHand
    }

    var keys: DomainKeys
    var rules = KeyRules()
    var now: Timestamp
    var publishing = Publishing.byItself
    /// What the zone says at the selectors.
    var zone: [String: [String]] = [:]
    /// Nobody answers.
    var isAway = false
    var events: [DomainKeys.Event] = []
    var isAutomatic = true
    /// What was seen of each record, and when.
    var sightings: [String: [(time: Timestamp, isRight: Bool)]] = [:]
    private var number: UInt8 = 0

    init(_ domain: String = "example.org") throws {
        keys = DomainKeys(try Domain(domain))
        // 2026-03-01.
        now = Timestamp(seconds: 1_772_323_200)
    }

    mutating func publish() {
        zone = [:]
        for key in keys.keys { zone[key.selector] = [key.record] }
        events += keys.notePublished(at: now)
    }

    func answer(_ key: DomainKey) -> Answer {
        if isAway { return Answer(.failure(.timeout)) }
        guard let texts = zone[key.selector], let name = key.name(of: keys.domain) else {
            return Answer(.nameError)
        }
        return Answer(
            .records,
            records: texts.map { text in
                // Cut somewhere, as zones do it.
                let octets = Array(text.utf8)
                return ResourceRecord(
                    owner: name, type: .txt, ttl: 3600,
                    data: .txt([Array(octets.prefix(20)), Array(octets.dropFirst(20))]))
            }, ttl: 3600)
    }

    /// What the keeper does each minute.
    mutating func step(_ seconds: Int64 = 60) throws {
        now = now + .seconds(seconds)
        var number = self.number
        events += try keys.advance(
            to: now, rules, isAutomatic: isAutomatic, rotates: publishing == .byItself
        ) { _, kind in
            number += 1
            return [UInt8](repeating: number, count: kind == .rsa ? 64 : 32)
        }
        self.number = number
        if keys.isPending, publishing == .byItself { publish() }
        look()
    }

    mutating func look() {
        for key in keys.due(at: now) {
            if !isAway {
                let isRight = zone[key.selector] == [key.record]
                sightings[key.selector, default: []].append((now, isRight))
            }
            events += keys.observe(
                KeySighting(answer(key), of: key), of: key.selector, at: now, rules)
        }
    }

    /// Lets time pass; a message is signed in each step if `isBusy`.
    mutating func pass(_ seconds: Int64, by step: Int64 = 60, isBusy: Bool = true) throws {
        let end = now + .seconds(seconds)
        while now < end {
            try self.step(step)
            guard isBusy else { continue }
            for kind in [KeyKind.rsa, .ed25519] {
                if let key = keys.signing(kind) { keys.noteUse(of: key.selector, at: now) }
            }
        }
    }

    var signing: [String] { [KeyKind.rsa, .ed25519].compactMap { keys.signing($0)?.selector } }
    var states: [String] { keys.keys.map { "\($0.selector) \($0.state.rawValue)" } }

    func findings() -> [String] {
        keys.findings(at: now, rules, isByHand: publishing == .byHand).map { finding in
            switch finding {
            case .unsigned: "unsigned"
            case .unsignedKind(let kind): "unsigned \(kind.rawValue)"
            case .toPublish(let key): "publish \(key.selector)"
            case .faulty(let key, let fault): "\(fault.rawValue) \(key.selector)"
            case .unseen(let key, _): "unseen \(key.selector)"
            }
        }
    }
}
