// SPDX-License-Identifier: Apache-2.0

import Reception
import Settings
import Synchronization

/// What a server offers those who connect: a reload changes it.
final class Offering: Sendable {
    private struct State {
        var settings: ServerSettings
        var smtp: [ServerSettings.Service: SMTPService] = [:]
    }

    private let state: Mutex<State>

    init(_ settings: ServerSettings) { state = Mutex(State(settings: settings)) }

    var settings: ServerSettings { state.withLock { $0.settings } }

    /// The service that the next connection meets; `make` makes it from the settings of the moment.
    func smtp(
        _ service: ServerSettings.Service,
        _ make: (ServerSettings.Service, ServerSettings) -> SMTPService
    ) -> SMTPService {
        state.withLock { state in
            if let known = state.smtp[service] { return known }
            let made = make(service, state.settings)
            state.smtp[service] = made
            return made
        }
    }

    func change(to settings: ServerSettings) {
        state.withLock { state in
            state.settings = settings
            state.smtp = [:]
        }
    }
}
