// SPDX-License-Identifier: Apache-2.0

private import Foundation
private import GRDB
private import GRDBSQLite
private import Synchronization

/// One connection to SQLite with its prepared statements.
///
/// Opened and configured by GRDB; statements go straight to SQLite, since a message is a dozen of
/// them and each should cost microseconds. Everything but `exclusively` is called within
/// `exclusively`: that is what makes the class safe to share.
final class Connection: @unchecked Sendable, Transaction {
    private let database: DatabaseQueue
    private let handle: OpaquePointer
    /// Idle statements by the address of their SQL.
    private var statements: [UnsafeRawPointer: OpaquePointer] = [:]
    private let isHeld = Mutex(())
    /// While this is set, statements that change something are a mistake of the program.
    private var isReading = false
    /// How long the write-ahead log is behind the last commit; see `leaveCheckpoints`.
    var logPages: Int { pages.load(ordering: .relaxed) }
    private let pages = Atomic(0)

    /// Whether the file is opened for reading, for writing, or is no file.
    enum Mode {
        case writer(path: String)
        case reader(path: String)
        case memory
    }

    init(_ mode: Mode) throws(StorageFailure) {
        do {
            var configuration = Configuration()
            configuration.busyMode = .timeout(Self.busySeconds)
            switch mode {
            case .memory:
                database = try DatabaseQueue(configuration: configuration)
            case .reader(let path):
                configuration.readonly = true
                configuration.prepareDatabase { try $0.execute(sql: Self.readerPragmas) }
                database = try DatabaseQueue(path: path, configuration: configuration)
            case .writer(let path):
                guard GatheredLog.isInstalled else {
                    throw StorageFailure.inputOutput("SQLite does not take our layer for its log")
                }
                configuration.prepareDatabase { try $0.execute(sql: Self.writerPragmas) }
                database = try DatabaseQueue(path: path, configuration: configuration)
            }
            handle = try database.inDatabase { database in
                guard let handle = database.sqliteConnection else { throw StorageFailure.closed }
                // GRDB watches transactions that it began itself; from here on it begins none.
                sqlite3_commit_hook(handle, nil, nil)
                sqlite3_rollback_hook(handle, nil, nil)
                return handle
            }
        } catch let error as DatabaseError {
            throw StorageFailure(
                code: error.resultCode.rawValue, message: error.message ?? "unknown error")
        } catch let failure as StorageFailure {
            throw failure
        } catch {
            throw StorageFailure.inputOutput("\(error)")
        }
    }

    deinit {
        for statement in statements.values { sqlite3_finalize(statement) }
    }

    /// Only for a moment between two processes; within ours there is one writer.
    private static let busySeconds: TimeInterval = 5

    /// What is committed is on the disk.
    ///
    /// The log is folded into the file every 32 MiB, so that a message which is delivered soon is
    /// written once, not twice. Pages of 8 KiB are a measured middle: smaller ones cut usual
    /// messages into many pieces, larger ones write much around each small change.
    private static let writerPragmas = """
        PRAGMA page_size = 8192;
        PRAGMA journal_mode = WAL;
        PRAGMA synchronous = FULL;
        PRAGMA wal_autocheckpoint = 4096;
        PRAGMA journal_size_limit = 67108864;
        PRAGMA cache_size = -16384;
        PRAGMA temp_store = MEMORY;
        """

    private static let readerPragmas = """
        PRAGMA cache_size = -2048;
        PRAGMA temp_store = MEMORY;
        """

    /// Runs `body` while nobody else uses the connection.
    func exclusively<Result>(_ body: () throws -> Result) rethrows -> Result {
        try isHeld.withLock { _ in try body() }
    }

    /// Runs `body` in a transaction that only reads.
    func snapshot<Result>(_ body: (any Transaction) throws -> Result) throws -> Result {
        try exclusively {
            try control("BEGIN")
            isReading = true
            defer {
                isReading = false
                rollback()
            }
            return try body(self)
        }
    }

    /// Ends the transaction, undoing what it did; nothing happens when there is none.
    func rollback() {
        if sqlite3_get_autocommit(handle) == 0 { _ = try? run("ROLLBACK") }
    }

    /// Whether a transaction is open: SQLite ends it by itself when the disk is full.
    var isInTransaction: Bool { sqlite3_get_autocommit(handle) == 0 }

    /// Runs statements that are not worth keeping.
    func run(_ sql: String) throws(StorageFailure) {
        let code = sqlite3_exec(handle, sql, nil, nil, nil)
        guard code == SQLITE_OK else { throw failure(code) }
    }

    /// Begins or ends a transaction or a savepoint.
    func control(_ sql: StaticString) throws(StorageFailure) {
        let statement = try take(sql)
        defer { put(statement, sql) }
        let code = sqlite3_step(statement)
        guard code == SQLITE_DONE else { throw failure(code) }
    }

    /// No commit copies the log into the database any more: it only counts in `logPages`.
    func leaveCheckpoints() {
        let connection = Unmanaged.passUnretained(self).toOpaque()
        sqlite3_wal_hook(
            handle,
            { connection, _, _, pages in
                guard let connection else { return SQLITE_MISUSE }
                Unmanaged<Connection>.fromOpaque(connection).takeUnretainedValue()
                    .pages.store(Int(pages), ordering: .relaxed)
                return SQLITE_OK
            }, connection)
    }

    /// Copies from the log into the database what no reader looks for in the log, and syncs it.
    ///
    /// Waits for nobody. Returns how many pages of the log have been copied since it began.
    func checkpoint() throws(StorageFailure) -> Int {
        var copied: Int32 = 0
        let code = sqlite3_wal_checkpoint_v2(
            handle, nil, SQLITE_CHECKPOINT_PASSIVE, nil, &copied)
        guard code == SQLITE_OK else { throw failure(code) }
        return Int(copied)
    }

    /// Copies all pages, as the open transaction sees them, into a new database.
    func copy(into path: String) throws(StorageFailure) {
        var target: OpaquePointer?
        defer { sqlite3_close(target) }
        let flags = SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE
        var code = sqlite3_open_v2(path, &target, flags, nil)
        guard code == SQLITE_OK, let target else {
            throw StorageFailure(code: code, message: "\(path) cannot be made")
        }
        guard let backup = sqlite3_backup_init(target, "main", handle, "main") else {
            throw StorageFailure(
                code: sqlite3_errcode(target), message: String(cString: sqlite3_errmsg(target)))
        }
        code = sqlite3_backup_step(backup, -1)
        let end = sqlite3_backup_finish(backup)
        guard code == SQLITE_DONE, end == SQLITE_OK else {
            throw StorageFailure(
                code: code == SQLITE_DONE ? end : code,
                message: String(cString: sqlite3_errmsg(target)))
        }
    }

    // MARK: Transaction

    @discardableResult
    func execute(_ sql: StaticString, _ values: [Value]) throws(StorageFailure) -> Int {
        // A full disk ends the transaction; what follows in it must not be committed on its own.
        guard isInTransaction else { throw .inputOutput("the transaction has ended already") }
        let statement = try take(sql)
        defer { put(statement, sql) }
        precondition(
            !isReading || sqlite3_stmt_readonly(statement) != 0, "a read must not change anything")
        let code = Self.bind(values[...], to: statement) { sqlite3_step(statement) }
        guard code == SQLITE_DONE || code == SQLITE_ROW else { throw failure(code) }
        return Int(sqlite3_changes(handle))
    }

    func scan(
        _ sql: StaticString, _ values: [Value], _ row: (any Row) -> Bool
    ) throws(StorageFailure) {
        let statement = try take(sql)
        defer { put(statement, sql) }
        let code = Self.bind(values[...], to: statement) {
            while true {
                let code = sqlite3_step(statement)
                guard code == SQLITE_ROW else { return code }
                guard row(StatementRow(statement: statement)) else { return code }
            }
        }
        guard code == SQLITE_DONE || code == SQLITE_ROW else { throw failure(code) }
    }

    /// The prepared statement, out of the store while it is in use: a query may ask itself.
    private func take(_ sql: StaticString) throws(StorageFailure) -> OpaquePointer {
        if let statement = statements.removeValue(forKey: UnsafeRawPointer(sql.utf8Start)) {
            return statement
        }
        var statement: OpaquePointer?
        let code = sql.withUTF8Buffer {
            $0.withMemoryRebound(to: CChar.self) {
                sqlite3_prepare_v3(
                    handle, $0.baseAddress, Int32($0.count), UInt32(SQLITE_PREPARE_PERSISTENT),
                    &statement, nil)
            }
        }
        guard code == SQLITE_OK, let statement else { throw failure(code) }
        return statement
    }

    private func put(_ statement: OpaquePointer, _ sql: StaticString) {
        sqlite3_reset(statement)
        sqlite3_clear_bindings(statement)
        if let other = statements.updateValue(
            statement, forKey: UnsafeRawPointer(sql.utf8Start))
        {
            sqlite3_finalize(other)
        }
    }

    /// Binds the values and runs `body` while they live, so that a blob is not copied.
    private static func bind(
        _ values: ArraySlice<Value>, to statement: OpaquePointer, _ body: () -> Int32
    ) -> Int32 {
        for index in values.indices {
            let parameter = Int32(index + 1)
            var code = SQLITE_OK
            switch values[index] {
            case .null: code = sqlite3_bind_null(statement, parameter)
            case .integer(let integer): code = sqlite3_bind_int64(statement, parameter, integer)
            case .text(var text):
                code = text.withUTF8 { octets in
                    octets.withMemoryRebound(to: CChar.self) {
                        guard let start = $0.baseAddress else {
                            return sqlite3_bind_text(statement, parameter, "", 0, transient)
                        }
                        return sqlite3_bind_text(
                            statement, parameter, start, Int32($0.count), transient)
                    }
                }
            case .blob(let octets):
                return octets.withUnsafeBytes { octets in
                    let code =
                        octets.isEmpty
                        ? sqlite3_bind_zeroblob(statement, parameter, 0)
                        : sqlite3_bind_blob64(
                            statement, parameter, octets.baseAddress, UInt64(octets.count), nil)
                    guard code == SQLITE_OK else { return code }
                    return bind(values[(index + 1)...], to: statement, body)
                }
            }
            guard code == SQLITE_OK else { return code }
        }
        return body()
    }

    /// SQLITE_TRANSIENT: SQLite copies.
    private static let transient = unsafeBitCast(-1, to: sqlite3_destructor_type.self)

    private func failure(_ code: Int32) -> StorageFailure {
        StorageFailure(code: code, message: String(cString: sqlite3_errmsg(handle)))
    }
}

extension StorageFailure {
    /// Maps a result code of SQLite, extended or not.
    init(code: Int32, message: String) {
        switch code & 0xFF {
        case SQLITE_FULL: self = .full
        case SQLITE_CORRUPT, SQLITE_NOTADB:
            self = .corrupt("the database is damaged (\(message)): restore it from a backup")
        case SQLITE_BUSY, SQLITE_LOCKED:
            self = .locked("another program holds the database (\(message))")
        case SQLITE_CONSTRAINT: self = .constraint(message)
        default: self = .inputOutput("the database cannot be used: \(message) (code \(code))")
        }
    }
}

/// The row on which a statement stands.
private struct StatementRow: Row {
    let statement: OpaquePointer

    func integer(_ column: Int) -> Int64 { sqlite3_column_int64(statement, Int32(column)) }

    func text(_ column: Int) -> String {
        guard let octets = sqlite3_column_text(statement, Int32(column)) else { return "" }
        let count = Int(sqlite3_column_bytes(statement, Int32(column)))
        return String(decoding: UnsafeBufferPointer(start: octets, count: count), as: UTF8.self)
    }

    func blob(_ column: Int) -> [UInt8] {
        guard let octets = sqlite3_column_blob(statement, Int32(column)) else { return [] }
        let count = Int(sqlite3_column_bytes(statement, Int32(column)))
        return [UInt8](UnsafeRawBufferPointer(start: octets, count: count))
    }

    func withOctets<Result>(
        _ column: Int, _ body: (UnsafeRawBufferPointer) throws -> Result
    ) rethrows -> Result {
        let start = sqlite3_column_blob(statement, Int32(column))
        let count = Int(sqlite3_column_bytes(statement, Int32(column)))
        return try body(UnsafeRawBufferPointer(start: start, count: start == nil ? 0 : count))
    }

    func isNull(_ column: Int) -> Bool {
        sqlite3_column_type(statement, Int32(column)) == SQLITE_NULL
    }
}
