// SPDX-License-Identifier: Apache-2.0

import Bytes
import Testing
import World

@testable import SimulatedWorld

@Suite("Simulated datagrams are lost, doubled and overtaken as their faults say")
struct SimulatedDatagramTests {
    private let port53 = SocketAddress(.v4(IPv4Address(192, 0, 2, 2)), port: 53)

    /// Sends 200 numbered datagrams from alpha to beta and returns the numbers as they came.
    private func send(_ faults: Faults, seed: UInt64 = 1) throws -> [UInt8] {
        let pair = Pair(seed: seed, faults)
        return try pair.simulation.run {
            let socket = try await pair.beta.network.bind(to: port53)
            let any = try #require(SocketAddress("0.0.0.0:0"))
            let sender = try await pair.alpha.network.bind(to: any)
            sender.send((0..<200).map { Datagram(peer: port53, octets: [$0]) })
            var came: [UInt8] = []
            while true {
                do throws(NetworkFailure) {
                    let some = try await socket.receive(limit: 7, deadline: pair.deadline(10))
                    #expect((1...7).contains(some.count))
                    #expect(some.allSatisfy { $0.peer.host == pair.alpha.addresses[0] })
                    #expect(some.allSatisfy { $0.peer.port == sender.address.port })
                    came += some.flatMap(\.octets)
                } catch {
                    #expect(error == .deadlinePassed)
                    return came
                }
            }
        }
    }

    @Test("without faults all come")
    func whole() throws {
        var faults = Faults.none
        faults.latency = .milliseconds(10) ... .milliseconds(10)
        #expect(try send(faults).sorted() == Array(0..<200))
    }

    @Test("some are lost")
    func loss() throws {
        var faults = Faults.none
        faults.datagramLossProbability = 0.25
        let came = try send(faults)
        #expect((120...180).contains(came.count))
        #expect(Set(came).count == came.count)
    }

    @Test("some come twice")
    func duplication() throws {
        var faults = Faults.none
        faults.datagramDuplicationProbability = 0.25
        let came = try send(faults)
        #expect((220...280).contains(came.count))
        #expect(Set(came).count == 200)
    }

    @Test("some are overtaken")
    func reordering() throws {
        var faults = Faults.none
        faults.datagramDelay = .zero ... .seconds(5)
        let came = try send(faults)
        #expect(came != Array(0..<200))
        #expect(came.sorted() == Array(0..<200))
    }

    @Test("none passes a partition, reaches a host that is down, or a socket that is closed")
    func nowhere() throws {
        for hindrance in 0..<4 {
            let pair = Pair(seed: 1)
            let came = try pair.simulation.run {
                let socket = try await pair.beta.network.bind(to: port53)
                let sender = try await pair.alpha.network.bind(
                    to: SocketAddress(pair.alpha.addresses[0], port: 0))
                switch hindrance {
                case 0: pair.network.partition(pair.alpha, pair.beta)
                case 1: pair.beta.stop()
                case 2: await socket.close()
                default: break
                }
                sender.send([Datagram(peer: port53, octets: [1])])
                return await fault { () async throws(NetworkFailure) in
                    try await socket.receive(limit: 1, deadline: pair.deadline())
                }
            }
            #expect(came == [.deadlinePassed, .disconnected, .disconnected, nil][hindrance])
        }
    }
}
