// SPDX-License-Identifier: Apache-2.0

private import GRDBSQLite

#if canImport(Glibc)
private import Glibc
#else
private import Darwin
#endif

/// A layer below SQLite (https://sqlite.org/vfs.html) that writes the pages of a commit at once.
///
/// SQLite writes each page of a commit into its write-ahead log by two calls, and a commit of many
/// messages has dozens of pages, one behind the other. They gather here and go to the file in one
/// piece, at the latest when SQLite syncs. Nobody looks for them earlier: a commit is made known
/// to readers only behind its sync. And the log grows in steps: a sync behind a write that makes
/// its file longer takes twice as long as one behind a write into what is there already. All other
/// files are the system's own.
enum GatheredLog {
    /// Makes the layer the one that all later connections of this process use; says whether SQLite
    /// took it.
    static let isInstalled: Bool = install()

    private typealias Layer = UnsafeMutablePointer<sqlite3_vfs>

    private static func install() -> Bool {
        guard let system = sqlite3_vfs_find(nil), let name = strdup("gathered") else {
            return false
        }
        let layer = Layer.allocate(capacity: 1)
        // What is not replaced here does not look at its first argument.
        layer.initialize(to: system.pointee)
        layer.pointee.zName = UnsafePointer(name)
        layer.pointee.pNext = nil
        layer.pointee.pAppData = UnsafeMutableRawPointer(system)
        layer.pointee.szOsFile = Int32(LogFile.headOctets) + system.pointee.szOsFile
        layer.pointee.xOpen = { GatheredLog.open(GatheredLog.below($0), $1, $2, $3, $4) }
        layer.pointee.xDelete = {
            GatheredLog.below($0)?.pointee.xDelete(GatheredLog.below($0), $1, $2) ?? SQLITE_ERROR
        }
        layer.pointee.xAccess = {
            GatheredLog.below($0)?.pointee.xAccess(GatheredLog.below($0), $1, $2, $3)
                ?? SQLITE_ERROR
        }
        layer.pointee.xFullPathname = {
            GatheredLog.below($0)?.pointee.xFullPathname(GatheredLog.below($0), $1, $2, $3)
                ?? SQLITE_ERROR
        }
        return sqlite3_vfs_register(layer, 1) == SQLITE_OK
    }

    /// The system's own layer.
    private static func below(_ layer: Layer?) -> Layer? {
        layer?.pointee.pAppData.assumingMemoryBound(to: sqlite3_vfs.self)
    }

    private static func open(
        _ system: Layer?, _ name: UnsafePointer<CChar>?,
        _ file: UnsafeMutablePointer<sqlite3_file>?,
        _ flags: Int32, _ outFlags: UnsafeMutablePointer<Int32>?
    ) -> Int32 {
        guard let system, let file, let open = system.pointee.xOpen else { return SQLITE_CANTOPEN }
        guard flags & SQLITE_OPEN_WAL != 0 else { return open(system, name, file, flags, outFlags) }
        return LogFile.open(file) { open(system, name, $0, flags, outFlags) }
    }
}

/// The write-ahead log, with what is to be written into it.
///
/// SQLite gives each open file a piece of memory. Ours begins with a pointer to our functions and
/// one to this object; the system's own file follows.
private final class LogFile {
    typealias File = UnsafeMutablePointer<sqlite3_file>

    static let headOctets = 2 * MemoryLayout<UnsafeRawPointer>.stride
    /// Octets that gather at most, and are written at once: SQLite's own file takes less than
    /// 128 KiB in a piece.
    private static let limitOctets = 120 << 10
    /// By this much the file grows: many small commits, and a moment's writing.
    private static let growthOctets: Int64 = 1 << 20
    private static let zeros = [UInt8](repeating: 0, count: 64 << 10)

    private let file: File
    private let system: sqlite3_io_methods
    private let gathered = UnsafeMutableRawPointer.allocate(
        byteCount: LogFile.limitOctets, alignment: 16)
    private var count = 0
    private var offset: Int64 = 0
    /// So long the file is, as far as we know.
    private var size: Int64 = 0

    private init(_ file: File, _ system: sqlite3_io_methods) {
        self.file = file
        self.system = system
        _ = system.xFileSize(file, &size)
    }

    deinit { gathered.deallocate() }

    static func open(_ outer: File, _ open: (File) -> Int32) -> Int32 {
        let memory = UnsafeMutableRawPointer(outer)
        let inner = (memory + headOctets).assumingMemoryBound(to: sqlite3_file.self)
        outer.pointee.pMethods = nil
        let code = open(inner)
        guard code == SQLITE_OK, let system = inner.pointee.pMethods else { return code }
        let log = Unmanaged.passRetained(LogFile(inner, system.pointee))
        (memory + headOctets / 2).storeBytes(of: log.toOpaque(), as: UnsafeMutableRawPointer.self)
        outer.pointee.pMethods = methods
        return code
    }

    // MARK: Gathering

    private func write(_ octets: UnsafeRawPointer, _ length: Int, at position: Int64) -> Int32 {
        if position != offset + Int64(count) || count + length > Self.limitOctets {
            let code = flush()
            guard code == SQLITE_OK else { return code }
        }
        if length > Self.limitOctets {
            return put(octets, length, at: position)
        }
        if count == 0 { offset = position }
        (gathered + count).copyMemory(from: octets, byteCount: length)
        count += length
        return SQLITE_OK
    }

    private func flush() -> Int32 {
        guard count > 0 else { return SQLITE_OK }
        defer { count = 0 }
        return put(gathered, count, at: offset)
    }

    private func put(_ octets: UnsafeRawPointer, _ length: Int, at position: Int64) -> Int32 {
        let code = system.xWrite(file, octets, Int32(length), position)
        let end = position + Int64(length)
        if code == SQLITE_OK, end > size { grow(beyond: end) }
        return code
    }

    /// Lengthens the file by zeros, which are no frame of a commit.
    ///
    /// SQLite ends there when it reads the log after a crash. What a full disk does not take is
    /// not needed yet.
    private func grow(beyond end: Int64) {
        size = end
        while size < end + Self.growthOctets,
            system.xWrite(file, Self.zeros, Int32(Self.zeros.count), size) == SQLITE_OK
        {
            size += Int64(Self.zeros.count)
        }
    }

    // MARK: What SQLite calls

    private static func of(_ file: File?) -> Unmanaged<LogFile>? {
        guard let file else { return nil }
        let address = UnsafeRawPointer(file) + headOctets / 2
        return Unmanaged.fromOpaque(address.load(as: UnsafeRawPointer.self))
    }

    /// Performs a call on the system's file, behind what has gathered.
    private static func behindAll(
        _ file: File?, _ call: (LogFile) -> Int32
    ) -> Int32 {
        guard let log = of(file)?.takeUnretainedValue() else { return SQLITE_MISUSE }
        let code = log.flush()
        return code == SQLITE_OK ? call(log) : code
    }

    private static func call(_ file: File?, _ call: (LogFile) -> Int32) -> Int32 {
        guard let log = of(file)?.takeUnretainedValue() else { return SQLITE_MISUSE }
        return call(log)
    }

    /// Written once, here.
    nonisolated(unsafe) private static let methods: UnsafePointer<sqlite3_io_methods> = {
        let methods = UnsafeMutablePointer<sqlite3_io_methods>.allocate(capacity: 1)
        methods.initialize(to: sqlite3_io_methods())
        // Memory shared between processes belongs to the database's file, not to the log's.
        methods.pointee.iVersion = 1
        methods.pointee.xClose = { file in
            let code = LogFile.behindAll(file) { _ in SQLITE_OK }
            guard let log = LogFile.of(file)?.takeRetainedValue() else { return SQLITE_MISUSE }
            let closed = log.system.xClose(log.file)
            return code == SQLITE_OK ? closed : code
        }
        methods.pointee.xRead = { file, octets, length, position in
            LogFile.behindAll(file) { $0.system.xRead($0.file, octets, length, position) }
        }
        methods.pointee.xWrite = { file, octets, length, position in
            guard let octets else { return SQLITE_MISUSE }
            return LogFile.call(file) { $0.write(octets, Int(length), at: position) }
        }
        methods.pointee.xTruncate = { file, size in
            LogFile.behindAll(file) { log in
                log.size = size
                return log.system.xTruncate(log.file, size)
            }
        }
        methods.pointee.xSync = { file, flags in
            LogFile.behindAll(file) { $0.system.xSync($0.file, flags) }
        }
        methods.pointee.xFileSize = { file, size in
            LogFile.behindAll(file) { $0.system.xFileSize($0.file, size) }
        }
        methods.pointee.xLock = { file, level in
            LogFile.call(file) { $0.system.xLock($0.file, level) }
        }
        methods.pointee.xUnlock = { file, level in
            LogFile.call(file) { $0.system.xUnlock($0.file, level) }
        }
        methods.pointee.xCheckReservedLock = { file, result in
            LogFile.call(file) { $0.system.xCheckReservedLock($0.file, result) }
        }
        methods.pointee.xFileControl = { file, code, argument in
            LogFile.call(file) { $0.system.xFileControl($0.file, code, argument) }
        }
        methods.pointee.xSectorSize = { file in
            LogFile.call(file) { $0.system.xSectorSize($0.file) }
        }
        methods.pointee.xDeviceCharacteristics = { file in
            LogFile.call(file) { $0.system.xDeviceCharacteristics($0.file) }
        }
        return UnsafePointer(methods)
    }()
}
