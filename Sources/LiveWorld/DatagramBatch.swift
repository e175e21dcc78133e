// SPDX-License-Identifier: Apache-2.0

import Bytes
import CSockets
import Glibc
import World

/// Memory of one thread for the datagrams of one system call, and the way they take: received,
/// answered, sent, all without allocation.
final class DatagramBatch {
    private let door: LiveDatagramDoor
    private let descriptor: CInt
    private let answerer: any DatagramAnswerer
    private let received: UnsafeMutablePointer<socket_message>
    private let replies: UnsafeMutablePointer<socket_message>
    private let pieces: UnsafeMutablePointer<socket_piece>
    private let octets: UnsafeMutableRawPointer
    private let replyOctets: Int

    /// Taken by one call.
    private static let count = 64
    /// Longer datagrams are cut, and then make no sense: no query is longer.
    private static let queryOctets = 4096
    /// A sockaddr_in6, and a control message with the address that was asked.
    private static let nameOctets = 32
    private static let controlOctets = 64
    /// MSG_WAITFORONE: waits for the first datagram, not for the others.
    private static let waitForOne: CInt = 0x10000

    init(_ door: LiveDatagramDoor, _ descriptor: CInt, _ answerer: any DatagramAnswerer) {
        self.door = door
        self.descriptor = descriptor
        self.answerer = answerer
        replyOctets = answerer.maximumReplyOctets
        let each = Self.queryOctets + replyOctets + Self.nameOctets + Self.controlOctets
        octets = .allocate(byteCount: Self.count * each, alignment: 64)
        received = .allocate(capacity: Self.count)
        replies = .allocate(capacity: Self.count)
        pieces = .allocate(capacity: 2 * Self.count)
        received.initialize(repeating: socket_message(), count: Self.count)
        replies.initialize(repeating: socket_message(), count: Self.count)
        for place in 0..<Self.count {
            (pieces + place).initialize(
                to: socket_piece(start: query(place), octets: UInt(Self.queryOctets)))
            (pieces + Self.count + place).initialize(
                to: socket_piece(start: reply(place), octets: 0))
            received[place].header.name = name(place)
            received[place].header.pieces = pieces + place
            received[place].header.piece_count = 1
            received[place].header.control = control(place)
        }
    }

    deinit {
        received.deallocate()
        replies.deallocate()
        pieces.deallocate()
        octets.deallocate()
    }

    private func query(_ place: Int) -> UnsafeMutableRawPointer {
        octets + place * Self.queryOctets
    }
    private func reply(_ place: Int) -> UnsafeMutableRawPointer {
        octets + Self.count * Self.queryOctets + place * replyOctets
    }
    private func name(_ place: Int) -> UnsafeMutableRawPointer {
        octets + Self.count * (Self.queryOctets + replyOctets) + place * Self.nameOctets
    }
    private func control(_ place: Int) -> UnsafeMutableRawPointer {
        octets + Self.count * (Self.queryOctets + replyOctets + Self.nameOctets)
            + place * Self.controlOctets
    }

    /// Waits for datagrams and answers them; false, with `errno`, when none could be had.
    func turn() -> Bool {
        for place in 0..<Self.count {
            received[place].header.name_octets = UInt32(Self.nameOctets)
            received[place].header.control_octets = UInt(Self.controlOctets)
        }
        let count = socket_receive(
            descriptor, received, UInt32(Self.count), Self.waitForOne, nil)
        guard count > 0 else { return false }
        answerer.begin()
        var answered = 0
        for place in 0..<Int(count) where answer(place, answered) { answered += 1 }
        send(answered)
        return true
    }

    /// Answers the datagram at `place`, as the reply number `next`; false if it gets none.
    private func answer(_ place: Int, _ next: Int) -> Bool {
        guard received[place].octets > 0, let peer = peer(place) else { return false }
        let length = answerer.reply(
            to: UnsafeRawBufferPointer(
                start: query(place), count: Int(received[place].octets)),
            from: peer,
            into: UnsafeMutableRawBufferPointer(start: reply(place), count: replyOctets))
        guard length > 0 else {
            if answerer.isLeftForLater { leave(place, peer) }
            return false
        }
        let piece = pieces + Self.count + place
        piece.pointee.octets = UInt(length)
        // The same control message sends the reply from the address that was asked.
        if received[place].header.control_octets > 0 { forgetInterface(place) }
        replies[next].header.name = received[place].header.name
        replies[next].header.name_octets = received[place].header.name_octets
        replies[next].header.pieces = piece
        replies[next].header.piece_count = 1
        replies[next].header.control =
            received[place].header.control_octets > 0 ? received[place].header.control : nil
        replies[next].header.control_octets = received[place].header.control_octets
        return true
    }

    /// Hands a datagram over to be answered later.
    private func leave(_ place: Int, _ peer: IPAddress) {
        if received[place].header.control_octets > 0 { forgetInterface(place) }
        answerer.answerLater(
            Array(
                UnsafeRawBufferPointer(start: query(place), count: Int(received[place].octets))),
            from: peer,
            by: LiveDatagramReturn(
                door: door, descriptor: descriptor,
                name: Array(
                    UnsafeRawBufferPointer(
                        start: name(place), count: Int(received[place].header.name_octets))),
                control: Array(
                    UnsafeRawBufferPointer(
                        start: control(place), count: Int(received[place].header.control_octets)))))
    }

    /// Nil for what cannot be answered: no address, or port 0.
    private func peer(_ place: Int) -> IPAddress? {
        // sockaddr_in: family 2, port 2, address 4 octets; sockaddr_in6: family 2, port 2,
        // flow 4, address 16.
        let name = name(place)
        guard name.load(fromByteOffset: 2, as: UInt16.self) != 0 else { return nil }
        switch CInt(name.load(as: UInt16.self)) {
        case AF_INET:
            return .v4(
                IPv4Address(
                    rawValue: UInt32(bigEndian: name.load(fromByteOffset: 4, as: UInt32.self))))
        case AF_INET6:
            return .v6(
                IPv6Address(
                    high: UInt64(bigEndian: name.load(fromByteOffset: 8, as: UInt64.self)),
                    low: UInt64(bigEndian: name.load(fromByteOffset: 16, as: UInt64.self))))
        default: return nil
        }
    }

    /// Lets routing choose the way back, but for addresses that mean something on one link only.
    private func forgetInterface(_ place: Int) {
        // cmsghdr: length 8, level 4, type 4 octets; in_pktinfo: interface 4, local address 4,
        // address 4; in6_pktinfo: address 16, interface 4.
        let control = control(place)
        switch control.load(fromByteOffset: 8, as: CInt.self) {
        case CInt(IPPROTO_IP): control.storeBytes(of: 0, toByteOffset: 16, as: CInt.self)
        case CInt(IPPROTO_IPV6):
            let isLinkLocal =
                control.load(fromByteOffset: 16, as: UInt8.self) == 0xFE
                && control.load(fromByteOffset: 17, as: UInt8.self) & 0xC0 == 0x80
            if !isLinkLocal { control.storeBytes(of: 0, toByteOffset: 32, as: CInt.self) }
        default: break
        }
    }

    /// Sends them all; one that the system does not take is dropped, as datagrams are.
    private func send(_ count: Int) {
        var done = 0
        while done < count {
            let sent = socket_send(descriptor, replies + done, UInt32(count - done), 0)
            if sent > 0 {
                done += Int(sent)
            } else if errno != EINTR {
                done += 1
            }
        }
    }
}
