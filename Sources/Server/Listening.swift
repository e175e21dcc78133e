// SPDX-License-Identifier: Apache-2.0

package import Bytes
package import Settings
import Synchronization
package import World

/// The addresses that were taken, before anything is served on them.
package struct Listening: Sendable, CustomStringConvertible {
    /// One of them.
    package struct Door: Sendable {
        package let service: ServerSettings.Service
        /// As the configuration names it: the port may be 0 there.
        package let address: SocketAddress
        let socket: Socket

        enum Socket: Sendable {
            case stream(any Listener)
            case names(udp: any DatagramDoor, tcp: any Listener)
        }

        var listener: any Listener {
            switch socket {
            case .stream(let listener), .names(_, let listener): listener
            }
        }

        func close() async {
            if case .names(let udp, _) = socket { await udp.close() }
            await listener.close()
        }
    }

    package private(set) var doors: [Door] = []

    package var description: String {
        doors.map { "\($0.service.rawValue) on \($0.listener.address)" }.joined(separator: ", ")
    }

    /// Takes all of them or none.
    package static func take(
        _ addresses: [(service: ServerSettings.Service, address: SocketAddress)],
        on network: any Network
    ) async throws(NetworkFailure) -> Self {
        var listening = Self()
        do throws(NetworkFailure) {
            for (service, address) in addresses {
                let tcp = try await network.listen(on: address)
                let socket: Door.Socket =
                    service == .dns
                    ? .names(udp: try await network.openDoor(at: tcp.address), tcp: tcp)
                    : .stream(tcp)
                listening.doors.append(Door(service: service, address: address, socket: socket))
            }
        } catch {
            await listening.close()
            throw error
        }
        return listening
    }

    /// Gives them back.
    package func close() async { for door in doors { await door.close() } }
}

/// The doors that are open at the moment.
final class OpenDoors: Sendable {
    private let doors = Mutex<[Listening.Door]>([])

    var all: [Listening.Door] { doors.withLock { $0 } }

    func add(_ door: Listening.Door) { doors.withLock { $0.append(door) } }

    /// Takes out the one that the configuration names so.
    func take(
        _ service: ServerSettings.Service, _ address: SocketAddress
    ) -> Listening.Door? {
        doors.withLock { doors in
            doors.firstIndex { $0.service == service && $0.address == address }
                .map { doors.remove(at: $0) }
        }
    }
}
