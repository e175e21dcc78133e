// SPDX-License-Identifier: Apache-2.0

import Bytes
import CUnbound
import DNS
import World

/// A context of libunbound, used by one thread at a time.
///
/// Unchecked: it is made by one thread and handed to the worker's.
final class UnboundContext: @unchecked Sendable {
    private let raw: OpaquePointer

    init(_ settings: UnboundResolver.Settings) throws(NetworkFailure) {
        guard let raw = ub_ctx_create() else {
            throw .system("libunbound cannot start: no memory or no descriptor left")
        }
        self.raw = raw
        // Its words for a log would go to standard error; ours come with each answer.
        ub_ctx_debugout(raw, nil)
        try check("threads", ub_ctx_async(raw, 1))
        try direct(settings.way)
        if let file = settings.rootAnchorFile {
            try check(file, ub_ctx_add_ta_file(raw, file))
        }
        for anchor in settings.anchors { try check(anchor, ub_ctx_add_ta(raw, anchor)) }
        for record in settings.localRecords { try check(record, ub_ctx_data_add(raw, record)) }
    }

    deinit { ub_ctx_delete(raw) }

    private func direct(_ way: UnboundResolver.Way) throws(NetworkFailure) {
        switch way {
        case .recursive: break
        case .forward(let servers):
            try set("do-not-query-localhost", "no")
            for server in servers {
                let address = "\(server.host)@\(server.port)"
                try check(address, ub_ctx_set_fwd(raw, address))
            }
        case .system:
            try set("do-not-query-localhost", "no")
            try check("/etc/resolv.conf", ub_ctx_resolvconf(raw, nil))
        }
    }

    private func set(_ option: String, _ value: String) throws(NetworkFailure) {
        try check(option, ub_ctx_set_option(raw, option + ":", value))
    }

    private func check(_ what: String, _ error: CInt) throws(NetworkFailure) {
        guard error != 0 else { return }
        throw .system("libunbound does not take \(what): \(String(cString: ub_strerror(error)))")
    }

    /// Readable when `process` has something to do.
    var descriptor: CInt { ub_fd(raw) }

    /// Hands finished answers to their questions.
    func process() { ub_process(raw) }

    /// Starts a question; nil if it could not be started (it is then already answered).
    func start(_ question: UnboundQuestion) -> CInt? {
        var id: CInt = 0
        let held = Unmanaged.passRetained(question)
        let error = ub_resolve_async(
            raw, question.name.description, CInt(question.type.rawValue), 1, held.toOpaque(),
            { held, error, result in
                guard let held else { return }
                let question = Unmanaged<UnboundQuestion>.fromOpaque(held).takeRetainedValue()
                question.answer(error: error, result)
                ub_resolve_free(result)
            }, &id)
        guard error != 0 else { return id }
        held.release()
        question.answer(error: error, nil)
        return nil
    }

    /// Its answer is no longer wanted.
    func abandon(_ question: UnboundQuestion, _ id: CInt) {
        // Only after success the callback, which releases the question, will not come.
        if ub_cancel(raw, id) == 0 { Unmanaged.passUnretained(question).release() }
    }
}
