// SPDX-License-Identifier: Apache-2.0

import Bytes
import Defence
import Filtering
import Mail
import Milter
import Settings

extension ServerSettings {
    /// What the gatekeeper needs of them.
    var gatekeeping: Gatekeeper.Settings {
        var settings = Gatekeeper.Settings()
        settings.policy = defence.policy
        settings.policy.ownNetworks = trust.networks
        settings.filters = defence.filters
        settings.hostName = hostName.name
        settings.ownNames = Set(alsoKnownAs.map(\.name))
        settings.ownAddresses = Set(
            listen.all.map(\.address.host).filter { !$0.isUnspecified } + publicAddresses)
        return settings
    }
}
