// SPDX-License-Identifier: Apache-2.0

import CSockets
import Glibc
import World

/// Sends a reply that took its time through the socket that the datagram came in by.
struct LiveDatagramReturn: DatagramReturn {
    /// Kept, so that the descriptor is still its own.
    let door: LiveDatagramDoor
    let descriptor: CInt
    /// The peer's sockaddr.
    let name: [UInt8]
    /// The control message with the address that was asked.
    let control: [UInt8]

    func send(_ reply: [UInt8]) {
        door.whileOpen {
            var name = name
            var control = control
            var reply = reply
            name.withUnsafeMutableBytes { name in
                control.withUnsafeMutableBytes { control in
                    reply.withUnsafeMutableBytes { reply in
                        var piece = socket_piece(
                            start: reply.baseAddress, octets: UInt(reply.count))
                        withUnsafeMutablePointer(to: &piece) { piece in
                            var message = socket_message()
                            message.header.name = name.baseAddress
                            message.header.name_octets = UInt32(name.count)
                            message.header.pieces = piece
                            message.header.piece_count = 1
                            message.header.control = control.isEmpty ? nil : control.baseAddress
                            message.header.control_octets = UInt(control.count)
                            _ = socket_send(descriptor, &message, 1, doNotWait)
                        }
                    }
                }
            }
        }
    }

    /// A full buffer drops the reply, as the network might.
    private let doNotWait = CInt(MSG_DONTWAIT)
}
