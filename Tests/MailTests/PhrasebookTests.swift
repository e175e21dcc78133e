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
                "the connection was lost (a [192.0.2.1], after the final dot) (it may have been "
                    + "delivered already, and may arrive twice)",
                "die Verbindung ging verloren (a [192.0.2.1], nach dem Schlusspunkt) (sie ist "
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
        let book = Phrasebook([("{} and {} end", "{} und {} Ende"), ("a{+}", "A{+}"), ("b", "B")])
        #expect(book.translate("x and y and z end") == "x und y and z Ende")
        #expect(book.translate("x and y") == nil)
        #expect(book.translate("ab") == "AB")
        #expect(book.translate("ac") == "Ac")
        #expect(book.translate("b c") == nil)
    }
}
