// SPDX-License-Identifier: Apache-2.0

private import Synchronization

/// Body files of a simulated host: what was not synced is lost in a crash.
package final class MemoryBodyFiles: BodyFiles {
    private struct State {
        var files: [String: File] = [:]
        var failure: StorageFailure?
        /// Rises with each crash; who wrote before it writes no more.
        var era = 0
    }

    private struct File {
        var octets: [UInt8] = []
        var isSynced = false
    }

    private let state = Mutex(State())

    package init() {}

    /// Every change fails with this from now on; nil lets them succeed again.
    package func fail(with failure: StorageFailure?) { state.withLock { $0.failure = failure } }

    /// Loses what was not synced: such a file is gone, or, as real ones, is left half-written.
    package func crash() {
        state.withLock { state in
            state.era += 1
            for (name, file) in state.files where !file.isSynced {
                // Which half survives is nobody's promise; its length makes it differ.
                if file.octets.count % 2 == 0 {
                    state.files[name] = nil
                } else {
                    state.files[name]?.octets.removeLast(file.octets.count / 2)
                    state.files[name]?.isSynced = true
                }
            }
        }
    }

    package func create(_ name: String) async throws(StorageFailure) -> any BodyFile {
        try state.withLock { (state) throws(StorageFailure) in
            if let failure = state.failure { throw failure }
            guard state.files[name] == nil else {
                throw .inputOutput("\(name) cannot be made: it exists")
            }
            state.files[name] = File()
            return MemoryBodyFile(name, in: self, era: state.era)
        }
    }

    package func read(
        _ name: String, at offset: Int, count: Int
    ) async throws(StorageFailure) -> [UInt8] {
        try state.withLock { (state) throws(StorageFailure) in
            guard let file = state.files[name] else {
                throw .corrupt("the message body \(name) is missing")
            }
            return Array(file.octets.dropFirst(offset).prefix(count))
        }
    }

    package func remove(_ name: String) async throws(StorageFailure) {
        state.withLock { $0.files[name] = nil }
    }

    package func list() async throws(StorageFailure) -> [String] {
        state.withLock { $0.files.keys.sorted() }
    }

    fileprivate func append(
        _ octets: ArraySlice<UInt8>, to name: String, era: Int
    ) throws(StorageFailure) {
        try state.withLock { (state) throws(StorageFailure) in
            guard state.era == era else { throw .closed }
            if let failure = state.failure { throw failure }
            state.files[name]?.octets.append(contentsOf: octets)
        }
    }

    fileprivate func sync(_ name: String, era: Int) throws(StorageFailure) {
        try state.withLock { (state) throws(StorageFailure) in
            guard state.era == era else { throw .closed }
            if let failure = state.failure { throw failure }
            state.files[name]?.isSynced = true
        }
    }

    fileprivate func discard(_ name: String, era: Int) {
        state.withLock { if $0.era == era { $0.files[name] = nil } }
    }
}

private final class MemoryBodyFile: BodyFile {
    private let name: String
    private let files: MemoryBodyFiles
    private let era: Int

    init(_ name: String, in files: MemoryBodyFiles, era: Int) {
        self.name = name
        self.files = files
        self.era = era
    }

    func append(_ octets: ArraySlice<UInt8>) async throws(StorageFailure) {
        try files.append(octets, to: name, era: era)
    }
    func sync() async throws(StorageFailure) { try files.sync(name, era: era) }
    func discard() async { files.discard(name, era: era) }
}
