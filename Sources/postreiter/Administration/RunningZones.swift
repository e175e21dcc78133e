// SPDX-License-Identifier: Apache-2.0

import Control
import DNS
import NameService
import ZoneStore

extension ZoneService {
    /// What commands may ask of the name server that is running.
    init(_ exchange: ZoneExchange) {
        self.init(
            copies: {
                await exchange.secondaries.statuses().map {
                    Copy(
                        origin: $0.origin, serial: $0.serial, checked: $0.checked,
                        nextCheck: $0.nextCheck, expiry: $0.expiry, isExpired: $0.isExpired,
                        failure: $0.failure)
                }
            },
            refresh: { origin, everything throws(ZoneFailure) in
                try await exchange.secondaries.refresh(origin, everything: everything)
            },
            records: { origin, sets throws(ZoneFailure) in
                try await exchange.records(of: sets, in: origin)
            },
            update: { update throws(ZoneFailure) in
                try await exchange.update(
                    update.origin, removing: update.removed, adding: update.added,
                    before: update.before)
            },
            announce: { exchange.announce($0) })
    }
}
