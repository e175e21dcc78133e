// SPDX-License-Identifier: Apache-2.0

/// What the author of a valid script hardly meant (RFC 5804 §1.3, WARNINGS).
enum Warnings {
    /// By line; no more than a reader takes in.
    static func of(_ statements: [Statement]) -> [Diagnostic] {
        var found: [Diagnostic] = []
        look(at: statements, &found)
        return found.sorted { $0.line < $1.line }
    }

    private static func look(at statements: [Statement], _ found: inout [Diagnostic]) {
        var ended: String?
        var redirects = 0
        for statement in statements {
            guard found.count < Limit.errors else { return }
            if let ended, let line = statement.line {
                found.append(
                    Diagnostic(
                        line: line,
                        message: "this is never reached: the \(ended) ends before")
                )
                return
            }
            switch statement {
            case .conditional(let branches, let otherwise):
                for branch in branches { look(at: branch.block, &found) }
                look(at: otherwise, &found)
            case .loop(_, let block, _): look(at: block, &found)
            case .command(let word, let arguments):
                if [.stop, .leave, .error].contains(word) { ended = "script" }
                if word == .leaveLoop { ended = "loop" }
                if word == .redirect { redirects += 1 }
                if redirects == Limit.redirects + 1, word == .redirect {
                    found.append(
                        Diagnostic(
                            line: arguments.line,
                            message: "a message is redirected at most \(Limit.redirects) times"))
                }
            case .fault(let fault):
                found.append(
                    Diagnostic(
                        line: fault.line, message: "\(fault.message); reached, it ends the script"))
            }
        }
    }
}

extension Statement {
    fileprivate var line: Int? {
        switch self {
        case .conditional(let branches, _): branches.first?.line
        case .command(_, let arguments), .loop(_, _, let arguments): arguments.line
        case .fault(let fault): fault.line
        }
    }
}
