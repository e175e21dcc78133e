// SPDX-License-Identifier: Apache-2.0

#if canImport(Glibc)
private import Glibc
#else
private import Darwin
#endif

/// Body files in the folder `bodies` of the data folder.
package struct FolderBodyFiles: BodyFiles {
    private let folder: String
    private let executor: (any TaskExecutor)?

    /// `executor` is where files are written, synced and read: a `ThreadExecutor`.
    package init(
        folder path: String, on executor: (any TaskExecutor)? = nil
    ) throws(StorageFailure) {
        folder = path + "/bodies"
        self.executor = executor
        guard mkdir(folder, 0o700) == 0 || errno == EEXIST else {
            throw StorageFailure(errno: errno, "the folder \(folder) cannot be made")
        }
        try syncFolder(path)
    }

    package func create(_ name: String) async throws(StorageFailure) -> any BodyFile {
        let (folder, executor) = (folder, executor)
        return try await elsewhere(executor) { () throws(StorageFailure) in
            let file = folder + "/" + name
            let descriptor = open(file, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0o600)
            guard descriptor >= 0 else {
                throw StorageFailure(errno: errno, "\(file) cannot be made")
            }
            return FolderBodyFile(descriptor, file, in: folder, on: executor)
        }
    }

    package func read(
        _ name: String, at offset: Int, count: Int
    ) async throws(StorageFailure) -> [UInt8] {
        let file = folder + "/" + name
        return try await elsewhere(executor) { () throws(StorageFailure) in
            let descriptor = open(file, O_RDONLY | O_CLOEXEC)
            guard descriptor >= 0 else {
                if errno == ENOENT { throw .corrupt("the message body \(file) is missing") }
                throw StorageFailure(errno: errno, "\(file) cannot be opened")
            }
            defer { close(descriptor) }
            var length = -1
            let octets = [UInt8](unsafeUninitializedCapacity: count) { buffer, initialized in
                length = pread(descriptor, buffer.baseAddress, count, off_t(offset))
                initialized = max(length, 0)
            }
            guard length >= 0 else { throw StorageFailure(errno: errno, "\(file) cannot be read") }
            return octets
        }
    }

    package func remove(_ name: String) async throws(StorageFailure) {
        let file = folder + "/" + name
        try await elsewhere(executor) { () throws(StorageFailure) in
            guard unlink(file) == 0 || errno == ENOENT else {
                throw StorageFailure(errno: errno, "\(file) cannot be removed")
            }
        }
    }

    package func list() async throws(StorageFailure) -> [String] {
        let folder = folder
        return try await elsewhere(executor) { () throws(StorageFailure) in
            try FolderNames.read(folder)
        }
    }
}

/// A file in the folder, until it is synced or discarded.
private final class FolderBodyFile: BodyFile, @unchecked Sendable {
    private var descriptor: Int32
    private let file: String
    private let folder: String
    private let executor: (any TaskExecutor)?

    init(_ descriptor: Int32, _ file: String, in folder: String, on executor: (any TaskExecutor)?) {
        self.descriptor = descriptor
        self.file = file
        self.folder = folder
        self.executor = executor
    }

    deinit { if descriptor >= 0 { close(descriptor) } }

    func append(_ octets: ArraySlice<UInt8>) async throws(StorageFailure) {
        try await elsewhere(executor) { () throws(StorageFailure) in
            var rest = octets
            while !rest.isEmpty {
                let count = rest.withUnsafeBytes {
                    write(self.descriptor, $0.baseAddress, $0.count)
                }
                guard count > 0 else {
                    if errno == EINTR { continue }
                    throw StorageFailure(errno: errno, "\(self.file) cannot be written")
                }
                rest = rest.dropFirst(count)
            }
        }
    }

    func sync() async throws(StorageFailure) {
        try await elsewhere(executor) { () throws(StorageFailure) in
            guard fsync(self.descriptor) == 0 else {
                throw StorageFailure(errno: errno, "\(self.file) cannot be synced")
            }
            close(self.descriptor)
            self.descriptor = -1
            try syncFolder(self.folder)
        }
    }

    func discard() async {
        if descriptor >= 0 { close(descriptor) }
        descriptor = -1
        unlink(file)
    }
}

/// Runs `work` on the given executor, or where the caller is.
func elsewhere<Result: Sendable>(
    _ executor: (any TaskExecutor)?,
    _ work: @Sendable () throws(StorageFailure) -> Result
) async throws(StorageFailure) -> Result {
    guard let executor else { return try work() }
    return try await withTaskExecutorPreference(executor) { () async throws(StorageFailure) in
        try await there(work)
    }
}

@concurrent
private func there<Result: Sendable>(
    _ work: @Sendable () throws(StorageFailure) -> Result
) async throws(StorageFailure) -> Result { try work() }
