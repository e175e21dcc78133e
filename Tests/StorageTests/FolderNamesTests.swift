// SPDX-License-Identifier: Apache-2.0

import Storage
import Testing

#if canImport(Glibc)
import Glibc
#else
import Darwin
#endif

@Suite("Names in folders")
struct FolderNamesTests {
    @Test("A folder that is not there holds nothing; one that cannot be read is no empty one")
    func missing() throws {
        let folder = TemporaryFolder()
        try #require(mkdir(folder.path + "/b", 0o700) == 0)
        try #require(mkdir(folder.path + "/a", 0o700) == 0)
        try #require(symlink("loop", folder.path + "/loop") == 0)
        #expect(try FolderNames.readIfThere(folder.path) == ["a", "b", "loop"])
        #expect(try FolderNames.readIfThere(folder.path + "/c") == [])
        #expect(throws: StorageFailure.self) { try FolderNames.read(folder.path + "/c") }
        #expect(throws: StorageFailure.self) {
            try FolderNames.readIfThere(folder.path + "/loop")
        }
    }
}
