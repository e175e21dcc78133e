// SPDX-License-Identifier: Apache-2.0

import Testing

@testable import Mail

@Suite("Findings are told in the reader's language")
struct PhrasebookTests {
    @Test(
        "Our own words are told in German, the words of others stay",
        arguments: [
            ("no host was reached", "kein Rechner wurde erreicht"),
            (
                "no connection to mx.example.net [192.0.2.1]: connection refused",
                "keine Verbindung zu mx.example.net [192.0.2.1]: Verbindung abgelehnt"
            ),
            (
                "not tried, because just before: no connection to [192.0.2.1]: no answer in time",
                "nicht versucht, weil unmittelbar zuvor: keine Verbindung zu [192.0.2.1]: "
                    + "keine Antwort innerhalb der Frist"
            ),
            (
                "mx.example.net said: 550 5.1.1 no answer in time (in reply to RCPT TO)",
                "mx.example.net antwortete: 550 5.1.1 no answer in time (auf RCPT TO)"
            ),
            (
                "not delivered within its lifetime; at last: a said: 450 4.2.0 busy (in reply to "
                    + "the message)",
                "innerhalb der Frist nicht zugestellt; zuletzt: a antwortete: 450 4.2.0 busy (auf "
                    + "the message)"
            ),
            (
                "the connection was lost (a [192.0.2.1], after the end of the message) (it may have been "
                    + "delivered already, and may arrive twice)",
                "die Verbindung ging verloren (a [192.0.2.1], nach dem Ende der Nachricht) (sie ist "
                    + "möglicherweise schon zugestellt und kann doppelt ankommen)"
            ),
            ("something nobody has foreseen", "something nobody has foreseen"), ("", ""),
        ])
    func german(_ english: String, _ german: String) {
        #expect(Language.german.tell(english) == german)
        #expect(Language.english.tell(english) == english)
    }

    @Test("A finding that quotes itself without end is told as far as it is readable")
    func nested() {
        let text = String(repeating: "not tried, because just before: ", count: 500) + "cancelled"
        #expect(Language.german.tell(text).hasPrefix("nicht versucht, weil unmittelbar zuvor: "))
    }

    @Test("A hole is as short as can be, and the end must fit")
    func holes() {
        let book = Phrasebook([
            (.said, "{} and {} end", "{} und {} Ende"), (.notTried, "a{+}", "A{+}"),
            (.silence, "b", "B"),
        ])
        #expect(book.tell("x and y and z end", in: .german) == "x und y and z Ende")
        #expect(book.tell("x and y", in: .german) == nil)
        #expect(book.tell("ab", in: .german) == "AB")
        #expect(book.tell("ac", in: .german) == "Ac")
        #expect(book.tell("b c", in: .german) == nil)
    }

    @Test("Each finding is recognised by its sentence, and told in German with what fills it")
    func recognised() throws {
        for diagnosis in Diagnosis.allCases {
            let count =
                diagnosis.sentences.english.split(separator: "{").count
                - (diagnosis.sentences.english.hasPrefix("{") ? 0 : 1)
            let holes = (0..<count).map { "hole\($0)" }
            let english = Phrasebook.findings.text(of: diagnosis, in: .english, holes)
            let german = Phrasebook.findings.text(of: diagnosis, in: .german, holes)
            #expect(Language.german.tell(english) == german)
            #expect(german != english || [.inSTARTTLS, .inAUTH, .atHost].contains(diagnosis))
            if diagnosis != .atHost { #expect(Diagnosis(english) == diagnosis) }
            #expect(!english.contains("{") && !german.contains("{"), "\(english)")
        }
        #expect(Diagnosis("mx.example.net: TLS handshake failed: expired") == .atHost)
        #expect(Diagnosis("mx.example.net: what nobody has foreseen") == nil)
        #expect(Diagnosis("no host was reached") == .noHostReached)
    }

    @Test("Codes are words with hyphens, and differ")
    func codes() {
        for diagnosis in Diagnosis.allCases {
            let isPlain = diagnosis.rawValue.utf8.allSatisfy {
                (0x61...0x7A).contains($0) || (0x30...0x39).contains($0) || $0 == 0x2D
            }
            #expect(isPlain, "\(diagnosis.rawValue)")
        }
        #expect(Set(Diagnosis.allCases.map(\.rawValue)).count == Diagnosis.allCases.count)
    }
}
