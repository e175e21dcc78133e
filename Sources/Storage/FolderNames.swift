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
        try read(path, isOptional: false, limit, isWanted)
    }

    /// As `read`, but nothing where there is no such folder.
    package static func readIfThere(_ path: String) throws(StorageFailure) -> [String] {
        try read(path, isOptional: true, .max) { _ in true }
    }

    private static func read(
        _ path: String, isOptional: Bool, _ limit: Int, _ isWanted: (String) -> Bool
    ) throws(StorageFailure) -> [String] {
        guard let folder = opendir(path) else {
            if isOptional, errno == ENOENT || errno == ENOTDIR { return [] }
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
