// SPDX-License-Identifier: Apache-2.0

package import Bytes
import Glibc
import NIOCore

/// What this machine is: its addresses and its disks.
package enum MachineFacts {
    /// The addresses of its network interfaces.
    package static var addresses: [IPAddress] {
        let devices = (try? System.enumerateDevices()) ?? []
        return devices.compactMap { device in
            device.address.map { Bytes.SocketAddress($0).host }
        }
    }

    /// Octets of the file system that holds `path`: free for who is not root, and in all.
    package static func space(at path: String) -> (free: Int, total: Int)? {
        var facts = statvfs()
        guard statvfs(path, &facts) == 0 else { return nil }
        let block = Int(facts.f_frsize)
        return (Int(facts.f_bavail) * block, Int(facts.f_blocks) * block)
    }
}
