// SPDX-License-Identifier: Apache-2.0

import Directory
import Mail

/// In which language a command is answered: that of the account `for` which it is asked, that
/// which it names as `language`, or the server's.
struct ReaderLanguage {
    let registry: Registry
    let server: Language

    func language(_ arguments: Arguments) async throws -> Language {
        if let reader = try arguments.optionalAddress("for") {
            guard let account = try await registry.account(login: reader) else {
                throw DirectoryFailure.unknownAccount(reader)
            }
            if let language = account.language { return language }
        }
        return try arguments.optionalLanguage("language") ?? server
    }
}
