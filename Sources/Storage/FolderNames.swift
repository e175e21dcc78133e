// SPDX-License-Identifier: Apache-2.0

#if canImport(Glibc)
import Glibc
#else
import Darwin
#endif

/// The names in a folder.
package enum FolderNames {
    /// Sorted, without `.` and `..`: those that are wanted, at most `limit` of them.
    ///
    /// Blocks its thread.
    package static func read(
        _ path: String, limit: Int = .max, where isWanted: (String) -> Bool = { _ in true }
    ) throws(StorageFailure) -> [String] {
        guard let folder = opendir(path) else {
            throw StorageFailure(errno: errno, "\(path) cannot be read")
        }
        defer { closedir(folder) }
        var names: [String] = []
        while names.count < limit, let entry = readdir(folder) {
            let name = withUnsafePointer(to: &entry.pointee.d_name) {
                $0.withMemoryRebound(to: CChar.self, capacity: 256) { String(cString: $0) }
            }
            if name != ".", name != "..", isWanted(name) { names.append(name) }
        }
        return names.sorted()
    }
}
