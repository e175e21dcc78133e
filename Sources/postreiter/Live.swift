// SPDX-License-Identifier: Apache-2.0

import Foundation
import LiveWorld
import Mail
import Storage
import World

/// The real world, made once.
enum Live {
    static let network = LiveNetwork()
    static let surroundings = Surroundings(
        time: LiveTime(), entropy: LiveEntropy(), network: network)
    /// For passwords and signatures.
    static let workExecutor = ThreadExecutor(
        threads: ProcessInfo.processInfo.activeProcessorCount, niceness: 5)
}

extension Live {
    /// The user's language, by locale: German or English.
    static let language = locale ?? .english

    /// Nil if the locale names none.
    static let locale: Language? = {
        let environment = ProcessInfo.processInfo.environment
        // POSIX: the first of these that is set and not empty decides.
        let locale = ["LC_ALL", "LC_MESSAGES", "LANG"]
            .compactMap { environment[$0] }.first { !$0.isEmpty }
        guard let locale, !["C", "POSIX"].contains(locale.prefix { $0 != "." }) else { return nil }
        return locale.hasPrefix("de") ? .german : .english
    }()
}
