// SPDX-License-Identifier: Apache-2.0

import Foundation
import Testing

@Suite("The balance of a crash test sees what went wrong")
struct BalanceTests {
    private let local = (1...5).map {
        NumberedMessage(number: $0, lines: $0, isLocal: true, isRemote: $0 > 3)
    }

    @Test("Lost, doubled and damaged messages are counted")
    func everything() {
        let damaged = Array(local[2].octets.dropLast(3)) + Array("x\r\n".utf8)
        let stranger = Array("Subject: a notification\r\n\r\nhello\r\n".utf8)
        // 1 is lost, 2 is doubled, 3 is damaged, 4 and 5 are as they should be; 9 is a bonus.
        let bonus = NumberedMessage(number: 9, lines: 1, isLocal: true, isRemote: false)
        let mailbox =
            [local[1].octets, local[1].octets, damaged, local[3].octets, local[4].octets]
            + [bonus.octets, stranger]
        var arrivals = RecordingSink.Arrivals()
        arrivals.counts = [4: 3]
        arrivals.notices = [2: 1, 8: 1]
        let refused = (7...8).map {
            NumberedMessage(
                number: $0, lines: 0, isLocal: false, isRemote: false, isRefused: true)
        }
        let balance = Balance(
            acknowledged: local + refused, mailbox: mailbox.map { Data($0) }, sink: arrivals)
        #expect(balance.lostLocally == [1])
        #expect(balance.lostRemotely == [5])
        #expect(balance.localDuplicates == [2])
        #expect(balance.remoteDuplicates == 2)
        #expect(balance.unnoticed == [7])
        #expect(balance.falseNotices == [2])
        #expect(balance.damaged == 2)
        #expect(balance.unacknowledged == 1)
    }

    @Test("A notification is recognised by the message that it is about")
    func notices() {
        let message = NumberedMessage(number: 12, lines: 1, isLocal: false, isRemote: true)
        let notice = "Content-Type: multipart/report\r\n\r\n--x\r\n\r\n"
        #expect(NumberedMessage.recogniseNotice(Array(notice.utf8) + message.octets) == 12)
        #expect(NumberedMessage.recogniseNotice(message.octets) == nil)
    }

    @Test("A message is recognised behind trace fields, and every missing line is noticed")
    func recognition() throws {
        let message = NumberedMessage(number: 7, lines: 500, isLocal: true, isRemote: true)
        let trace = Array("Return-Path: <a@client.test>\r\nReceived: from x\r\n".utf8)
        let whole = try #require(NumberedMessage.recognise(trace + message.octets))
        #expect(whole.number == 7 && whole.isWhole)
        var short = message.octets
        short.removeSubrange(10_000..<10_064)
        let cut = try #require(NumberedMessage.recognise(short))
        #expect(cut.number == 7 && !cut.isWhole)
        #expect(NumberedMessage.recognise(Array("Subject: x\r\n\r\n".utf8)) == nil)
    }
}
