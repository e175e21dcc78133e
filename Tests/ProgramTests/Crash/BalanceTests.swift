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
        let balance = Balance(
            acknowledged: local, mailbox: mailbox.map { Data($0) }, sink: arrivals)
        #expect(balance.lostLocally == [1])
        #expect(balance.lostRemotely == [5])
        #expect(balance.localDuplicates == [2])
        #expect(balance.remoteDuplicates == 2)
        #expect(balance.damaged == 2)
        #expect(balance.unacknowledged == 1)
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
