// SPDX-License-Identifier: Apache-2.0

import Bytes
import Directory
import Glibc
import Storage
import Synchronization
import World

/// The key of the data folder, in a file for its owner alone: made when something is first sealed.
final class SecretKeyFile: SecretKeySource {
    private let path: String
    private let known = Mutex<SecretKey?>(nil)

    init(_ path: String) { self.path = path }

    func key(making: Bool) throws(StorageFailure) -> SecretKey? {
        if let key = known.withLock({ $0 }) { return key }
        let found: SecretKey?
        do {
            if Files.exists(path) {
                found = try read()
            } else if making {
                found = try make()
            } else {
                found = nil
            }
        } catch {
            throw .inputOutput(error.text)
        }
        known.withLock { $0 = found }
        return found
    }

    private func read() throws(CommandFailure) -> SecretKey {
        // `isWhitespace` of an octet takes no line end for one.
        let text = try Files.read(path).filter { $0 > .space }
        guard let octets = Hexadecimal.decode(text), octets.count == SecretKey.octetCount else {
            throw .data("\(path) is no key of this program: restore it from a backup")
        }
        return SecretKey(octets)
    }

    /// There whole or not at all, whenever the machine stops.
    private func make() throws(CommandFailure) -> SecretKey {
        let octets = Live.surroundings.entropy.octets(SecretKey.octetCount)
        let new = path + ".new"
        unlink(new)
        try Files.write(Array((Hexadecimal.encode(octets) + "\n").utf8), to: new, mode: 0o600)
        guard rename(new, path) == 0 else {
            throw .cannotCreate("\(path) cannot be written: \(Files.systemError())")
        }
        try Files.syncFolder(of: path)
        return SecretKey(octets)
    }
}
