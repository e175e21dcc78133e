// SPDX-License-Identifier: Apache-2.0

import Directory
import Mail
import MessageStore
import Testing
import World

@Suite("Subaddress to mailbox")
struct SubaddressTests {
    @Test(
        "A subaddress names a mailbox if that is wanted and there is one, or it may be made",
        arguments: [
            (SubaddressFolders.no, "Lists", "INBOX"), (.existing, "Lists", "Lists"),
            (.existing, "lists", "Lists"), (.existing, "other", "INBOX"),
            (.create, "other", "other"), (.create, "a/b", "a/b"), (.create, "a//b", "INBOX"),
            (.create, "Trash", "INBOX"), (.create, "inbox", "INBOX"),
        ])
    func folders(folders: SubaddressFolders, detail: String, expected: String) throws {
        let world = try DeliveryWorld(seed: 9, zone: "")
        try world.run { world in
            let anna = try #require(
                try await world.registry.account(login: Address("anna@here.example")))
            try await world.mailboxes.furnish(anna.id.rawValue)
            try await world.mailboxes.create("Lists", of: anna.id.rawValue)
            var rules = MailboxRules()
            rules.subaddressFolders = folders
            try await world.registry.set(
                rules: rules, of: .accounts(of: Domain("here.example")), by: "test", "folders")
            try await world.accept(from: "", to: ["anna+\(detail)@here.example"])
            #expect(
                try await world.wait(.minutes(1)) {
                    try await world.mailbox("anna@here.example", expected).count == 1
                })
        }
    }
}
