// SPDX-License-Identifier: Apache-2.0

package import Bytes
package import DNS

/// Whether the name that an address claims leads back to it: "iprev" (RFC 8601 §3).
package struct ReverseNameCheck: Sendable {
    /// The results of RFC 8601 §2.7.3.
    package enum Result: String, Hashable, Sendable {
        case pass, fail, temperror, permerror
    }

    /// What came of a check.
    package struct Verdict: Hashable, Sendable {
        package var result: Result
        /// The name that leads back or, if none does, the first that is claimed.
        package var name: Name?

        package init(_ result: Result, name: Name? = nil) {
            self.result = result
            self.name = name
        }
    }

    private let resolver: any Resolver

    /// A host has one name, or a few; who claims more is not asked on.
    static let maximumNames = 5

    package init(_ resolver: any Resolver) { self.resolver = resolver }

    /// Asks for the names of an address, and for the addresses of these.
    package func verdict(on address: IPAddress) async -> Verdict {
        let answer = await resolver.resolve(address.reverseName, .ptr)
        switch answer.outcome {
        case .failure: return Verdict(.temperror)
        case .noData, .nameError: return Verdict(.permerror)
        case .records: break
        }
        let names = answer.records.compactMap { record -> Name? in
            guard case .ptr(let name) = record.data else { return nil }
            return name
        }
        var verdict = Verdict(names.isEmpty ? .permerror : .fail, name: names.first)
        for name in names.prefix(Self.maximumNames) {
            switch await resolver.leads(name, to: address) {
            case true?: return Verdict(.pass, name: name)
            case false?: break
            case nil: verdict.result = .temperror
            }
        }
        return verdict
    }
}
