// SPDX-License-Identifier: Apache-2.0

package import Mail
package import SASL
import Synchronization

/// Knows whose an access token is (RFC 6750): the hook of operators whose people log in elsewhere.
package protocol TokenJudge: Sendable {
    /// Whose token it is, bounded in time; what it tells may be some seconds old.
    func judge(_ token: String) async -> TokenVerdict
}

/// What is known of a token.
package enum TokenVerdict: Hashable, Sendable {
    /// It is good, and belongs to who has this address.
    case owner(Address)
    /// It opens nothing here; the text is for the log.
    case refused(String)
    /// It is good, and was not issued for mail; the text is for the log.
    case insufficientScope(String)
    /// Nobody can tell now; the text is for the log.
    case unavailable(String)
}

/// Who issues tokens, as clients that were refused are told.
package struct TokenIssuer: Sendable, Equatable {
    package var scope: String?
    /// Of OpenID Connect Discovery.
    package var configurationURL: String?

    package init(scope: String? = nil, configurationURL: String? = nil) {
        self.scope = scope
        self.configurationURL = configurationURL
    }
}

extension Registry {
    /// Takes access tokens from now on, as `judge` says.
    ///
    /// To be called before anything is served: what is offered does not change later.
    package func acceptTokens(_ judge: any TokenJudge, of issuer: TokenIssuer) {
        tokens.withLock { $0 = (judge, issuer) }
    }

    /// How people can prove who they are, the better first.
    package func mechanisms(for service: LoginService) -> [Mechanism] {
        var mechanisms = Mechanism.withPassword
        // RFC 5804 §2.1 wants it; the others go without what is weaker.
        if service == .managesieve, offersSCRAMSHA1 { mechanisms.insert(.scramSHA1, at: 1) }
        return mechanisms + (tokens.withLock { $0 != nil } ? Mechanism.withToken : [])
    }

    enum Examination {
        case owner(Account)
        case refused(TokenRefusal)
        case unavailable(String)
    }

    /// The account that a token opens, if its owner is who the client wants to act as.
    func examine(_ claim: BearerClaim) async throws(DirectoryFailure) -> Examination {
        guard let (judge, issuer) = tokens.withLock({ $0 }) else {
            return .unavailable("nobody knows tokens here")
        }
        var refusal = TokenRefusal(
            reason: "", scope: issuer.scope, configurationURL: issuer.configurationURL)
        switch await judge.judge(claim.token) {
        case .unavailable(let reason): return .unavailable(reason)
        case .refused(let reason): refusal.reason = reason
        case .insufficientScope(let reason):
            refusal.status = "insufficient_scope"
            refusal.reason = reason
        case .owner(let owner):
            guard let account = try credentials(login: owner.description).account else {
                refusal.reason = "it belongs to \(owner), which is no account that may log in"
                break
            }
            // RFC 7628 §3.2: nobody acts for somebody else here.
            guard
                claim.user.map({
                    (try? Address($0)).flatMap { AddressKey($0) } == AddressKey(account.login)
                }) ?? true
            else {
                refusal.reason = "it belongs to \(owner), not to \(claim.user ?? "")"
                break
            }
            return .owner(account)
        }
        return .refused(refusal)
    }
}
