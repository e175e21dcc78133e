// SPDX-License-Identifier: Apache-2.0

package import Bytes

/// An address on which datagrams arrive that are answered one by one, at once.
package protocol DatagramDoor: Sendable {
    /// Where they arrive, with the real port.
    var address: SocketAddress { get }

    /// Answers until the task is cancelled or `close` is called.
    ///
    /// Each thread that answers makes an answerer of its own and uses no other. Throws when the
    /// system takes no more datagrams at all.
    func serve(
        at time: any Time, _ makeAnswerer: @escaping @Sendable () -> any DatagramAnswerer
    ) async throws(NetworkFailure)

    /// Gives the address back; what was sent still goes.
    func close() async
}

/// Says what is answered to a datagram; used by one thread.
package protocol DatagramAnswerer: AnyObject {
    /// No reply is longer: as much room each one gets.
    var maximumReplyOctets: Int { get }

    /// What is handed over next has arrived together, just now.
    func begin()

    /// Writes the reply to a datagram and returns its length; 0: there is none.
    func reply(
        to datagram: UnsafeRawBufferPointer, from peer: IPAddress,
        into reply: UnsafeMutableRawBufferPointer
    ) -> Int

    /// Whether the datagram that just got no reply is answered later: then `answerLater` is called.
    var isLeftForLater: Bool { get }

    /// Takes a datagram that is answered later, by `way`.
    func answerLater(_ datagram: [UInt8], from peer: IPAddress, by way: any DatagramReturn)
}

extension DatagramAnswerer {
    package var isLeftForLater: Bool { false }
    package func answerLater(
        _ datagram: [UInt8], from peer: IPAddress, by way: any DatagramReturn
    ) {}
}

/// The way back to who sent a datagram, from the address that it was sent to.
package protocol DatagramReturn: Sendable {
    /// Sends a reply; what the system does not take is dropped, as datagrams are.
    func send(_ reply: [UInt8])
}

/// A door that is an ordinary socket, served by one task.
package struct SocketDoor: DatagramDoor {
    private let socket: any DatagramSocket

    /// Datagrams taken in one go.
    private static let batch = 64
    /// A socket that fails this often without a datagram between is given up.
    private static let maximumFailures = 100

    package init(_ socket: any DatagramSocket) { self.socket = socket }

    package var address: SocketAddress { socket.address }

    package func close() async { await socket.close() }

    package func serve(
        at time: any Time, _ makeAnswerer: @escaping @Sendable () -> any DatagramAnswerer
    ) async throws(NetworkFailure) {
        let answerer = makeAnswerer()
        var failures = 0
        while !Task.isCancelled {
            do throws(NetworkFailure) {
                let datagrams = try await socket.receive(
                    limit: Self.batch, deadline: time.now + .hours(1))
                failures = 0
                answerer.begin()
                let replies = datagrams.compactMap { reply(of: answerer, to: $0) }
                if !replies.isEmpty { socket.send(replies) }
            } catch .deadlinePassed {
                continue
            } catch .cancelled, .disconnected {
                return
            } catch {
                failures += 1
                if failures >= Self.maximumFailures { throw error }
            }
        }
    }

    private func reply(
        of answerer: any DatagramAnswerer, to datagram: Datagram
    ) -> Datagram? {
        let octets = [UInt8](
            unsafeUninitializedCapacity: answerer.maximumReplyOctets
        ) { reply, count in
            count = datagram.octets.withUnsafeBytes {
                answerer.reply(
                    to: $0, from: datagram.peer.host, into: UnsafeMutableRawBufferPointer(reply))
            }
        }
        if octets.isEmpty, answerer.isLeftForLater {
            answerer.answerLater(
                datagram.octets, from: datagram.peer.host,
                by: SocketReturn(socket: socket, peer: datagram.peer))
        }
        return octets.isEmpty ? nil : Datagram(peer: datagram.peer, octets: octets)
    }
}

private struct SocketReturn: DatagramReturn {
    let socket: any DatagramSocket
    let peer: SocketAddress

    func send(_ reply: [UInt8]) { socket.send([Datagram(peer: peer, octets: reply)]) }
}
