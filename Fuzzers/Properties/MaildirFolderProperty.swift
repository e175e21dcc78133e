// SPDX-License-Identifier: Apache-2.0

import Bytes
import IMAP
import MailFolders

extension Property {
    /// Names of files and folders in a Maildir, and the lists beside them.
    ///
    /// The first octet says which. A name that is read and written is read as the same; a mailbox
    /// that is made of a folder has a name that a folder can have.
    package static let maildirFolder = Property("MaildirFolder") { input throws(Broken) in
        guard let first = input.first else { return }
        let octets = Array(input[1...])
        let text = String(decoding: octets, as: UTF8.self)
        switch first % 4 {
        case 0: try expectStable(file: text)
        case 1: try expectStable(folder: text, octets)
        case 2: try expectBounded(lists: octets)
        default: try expectBounded(subscriptions: octets, separator: first)
        }
    }

    private static func expectStable(file text: String) throws(Broken) {
        guard let name = MaildirName(text) else { return }
        try expect(!name.base.isEmpty, "a name of nothing")
        try expect(name.letters == Set(name.letters).sorted(), "letters twice")
        let flags = name.flags(keywords: [0: "$One", 25: "last"])
        try expect(flags.count <= name.letters.count, "flags from nowhere")
        // What is no letter at all may not survive: names are text.
        guard name.letters.allSatisfy({ (0x20..<0x7F).contains($0) && $0 != 0x3A }) else { return }
        guard let again = MaildirName(name.text) else {
            try expect(
                name.text.utf8.count > MaildirName.maximumOctets, "a name that is written is none")
            return
        }
        try expect(again == name, "written, a name is another: \(name) \(again)")
        try expect(again.unique == name.unique, "written, it names another message")
    }

    private static func expectStable(
        folder text: String, _ octets: [UInt8]
    ) throws(Broken) {
        for delimiter in [UInt8(ascii: "."), UInt8(ascii: "/"), UInt8(ascii: "\\")] {
            let levels = octets.split(separator: delimiter, omittingEmptySubsequences: false)
            // Whatever it is called, it has a name here.
            let mended = FolderName.mailbox(levels) { _ in false }
            try expect(mended != nil, "a folder without a mailbox: \(text)")
            if let mended { try expectWritable(mended) }
            guard let mailbox = FolderName.mailbox(levels) else { continue }
            try expect(mailbox == mended, "a name is changed that could stay: \(mailbox)")
        }
        let maildir = FolderName.mailbox(FolderName.levels(maildir: text))
        if let maildir { try expectWritable(maildir) }
    }

    private static func expectWritable(_ mailbox: MailboxName) throws(Broken) {
        let folder = FolderName.maildir(mailbox)
        try expect(!folder.contains("/"), "a folder within another: \(folder)")
        try expect(folder.isEmpty == mailbox.isInbox, "a folder without a name")
        let path = FolderName.path(mailbox)
        try expect(
            path.split(separator: "/", omittingEmptySubsequences: false).allSatisfy {
                !$0.isEmpty && $0 != "." && $0 != ".."
            }, "a path that leads elsewhere: \(path)")
        guard !mailbox.text.unicodeScalars.contains(".") else { return }
        try expect(
            FolderName.mailbox(FolderName.levels(maildir: folder.isEmpty ? ".INBOX" : folder))
                == mailbox,
            "a folder is read as another mailbox: \(mailbox) \(folder)")
    }

    private static func expectBounded(lists octets: [UInt8]) throws(Broken) {
        let uids = DovecotUIDList(octets)
        try expect(uids.uids.count <= octets.count, "more UIDs than octets")
        var keywords = FolderKeywords()
        keywords.readDovecot(octets)
        keywords.readCourierList(octets)
        keywords.readCourierFile(octets, of: ".1.base")
        try expect(
            keywords.byLetter.keys.allSatisfy { (0..<FolderKeywords.letters).contains($0) },
            "a keyword without a letter")
        guard let name = MaildirName("base:2,aS") else { return }
        let flags = keywords.flags(of: name, isNew: false)
        try expect(flags == Set(flags).sorted(), "flags twice")
        try expect(flags.allSatisfy(FlagName.isValid), "flags that are none: \(flags)")
    }

    private static func expectBounded(
        subscriptions octets: [UInt8], separator: UInt8
    ) throws(Broken) {
        let names = SubscriptionList.dovecot(octets, separator: separator)
        _ = SubscriptionList.courier(octets)
        let again = SubscriptionList.dovecot(
            SubscriptionList.dovecot(names), separator: separator)
        try expect(again == names, "written, subscriptions are others: \(names) \(again)")
    }
}
