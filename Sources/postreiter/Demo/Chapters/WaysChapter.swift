// SPDX-License-Identifier: Apache-2.0

import Bytes
import World

/// 5. Domains without MX, without mail, and without existence.
struct WaysChapter {
    let world: DemoWorld
    private var story: Story { world.story }

    func tell() async throws {
        story.chapter(
            5, "No MX, no mail, no such domain", "Kein MX, keine Post, keine solche Domain")
        try await withoutMX(world.dora, type: "A", line: "plain ")
        if world.hasIPv6 {
            try await withoutMX(world.doraSix, type: "AAAA", line: "six ")
        } else {
            story.say(
                "(This machine has no IPv6, so the AAAA record is not tried.)",
                "(Diese Maschine hat kein IPv6; der AAAA-Eintrag wird nicht erprobt.)")
        }
        try await refused(
            to: "info@silent.example", line: "silent", status: "5.1.10",
            english: "silent.example wants no mail (Null MX): Anna is told at once",
            german: "silent.example will keine Post (Null MX): Anna erfährt es sofort", count: 1)
        try await refused(
            to: "info@nowhere.example", line: nil, status: "5.1.2",
            english: "nowhere.example does not exist: Anna is told at once, with `Host unknown`",
            german: "nowhere.example gibt es nicht: Anna erfährt es sofort, mit `Host unknown`",
            count: 2)
    }

    private func withoutMX(
        _ person: MailProgram.Person, type: String, line: String
    ) async throws {
        let domain = String(person.address.drop { $0 != "@" }.dropFirst())
        story.quote(DemoPlan.lines(of: line))
        let letter = try world.letter(to: person.address, subject: "\(domain)", "…")
        _ = try await world.program.submit([letter], as: world.anna)
        let mailbox = try await world.read(person, until: 1)
        let host = try await world.handover(of: letter)["host"]?.string ?? ""
        try story.verify(
            mailbox.map(\.messageID) == ["<\(letter.messageID)>"] && host.hasPrefix(domain),
            "no MX, so \(domain) is reached by its \(type) record: \(host)",
            "kein MX, also wird \(domain) über den \(type)-Eintrag erreicht: \(host)",
            found: "\(mailbox.map(\.messageID))")
    }

    private func refused(
        to recipient: String, line: String?, status: String, english: String, german: String,
        count: Int
    ) async throws {
        if let line { story.quote(DemoPlan.lines(of: line)) }
        let letter = try world.letter(to: recipient, subject: recipient, "…")
        _ = try await world.program.submit([letter], as: world.anna)
        let mailbox = try await world.read(world.anna, until: count)
        let notice = mailbox[count - 1]
        try story.verify(
            mailbox.count == count && notice.field("Return-Path") == "<>"
                && notice.source.contains("Final-Recipient: rfc822; \(recipient)")
                && notice.source.contains("Status: \(status)")
                && (status != "5.1.2" || notice.text.contains("Host unknown")),
            english, german, found: notice.source)
        story.quote("\(notice.subject)\n\n" + notice.text.trimmingSuffix("\n"))
    }
}
