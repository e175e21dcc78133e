// SPDX-License-Identifier: Apache-2.0

import Bytes
import DNS

extension Resolver {
    /// Where a name server can be asked; none if that cannot be found out.
    func addresses(of server: Name) async -> [IPAddress] {
        var addresses: [IPAddress] = []
        for type in [RecordType.a, .aaaa] {
            for record in await resolve(server, type).records {
                switch record.data {
                case .a(let address): addresses.append(.v4(address))
                case .aaaa(let address): addresses.append(.v6(address))
                default: break
                }
            }
        }
        return addresses
    }
}
