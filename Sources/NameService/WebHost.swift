// SPDX-License-Identifier: Apache-2.0

package import Autoconfiguration
import Bytes
package import DNS
import HTTP
package import Mail
package import World

/// Serves what others ask of hosted domains by HTTP: MTA-STS policies (RFC 8461 §3.3), and how
/// mail programs are set up.
///
/// As little of HTTP (RFC 9112) as that needs: one request, one answer, and the end of the
/// connection.
package struct WebHost: Sendable {
    /// What is known of hosted domains.
    package struct Knowledge: Sendable {
        /// The text of a domain's MTA-STS policy; nil: there is none.
        package var policy: @Sendable (Name) async throws -> String?
        /// What programs need for the accounts of a domain; nil: it is not hosted here.
        package var setup: @Sendable (Domain) async throws -> MailSetup?

        package init(
            policy: @escaping @Sendable (Name) async throws -> String?,
            setup: @escaping @Sendable (Domain) async throws -> MailSetup?
        ) {
            self.policy = policy
            self.setup = setup
        }
    }

    private let identity: (any TLSIdentity)?
    private let time: any Time
    private let knowledge: Knowledge

    /// From the beginning of the connection to its end: more than a sender waits (RFC 8461 §3.3).
    package static let patience = Duration.seconds(60)

    /// With an `identity`, TLS begins with the connection; without one it is plain HTTP, where
    /// only what is not secret and not believed blindly is told: the rest is found at HTTPS.
    package init(identity: (any TLSIdentity)?, time: any Time, knowledge: Knowledge) {
        self.identity = identity
        self.time = time
        self.knowledge = knowledge
    }

    /// Serves one connection to its end.
    package func handle(_ connection: any Connection) async {
        let deadline = time.now + Self.patience
        do throws(NetworkFailure) {
            if let identity {
                try await connection.startTLS(.server(identity), deadline: deadline)
            }
            guard let request = try await receive(connection, deadline) else { return }
            connection.write(await answer(to: request).octets(to: request))
            try await connection.flush(deadline: deadline)
        } catch {
            return
        }
    }

    /// Nil when the client has gone.
    private func receive(
        _ connection: any Connection, _ deadline: Instant
    ) async throws(NetworkFailure) -> Request? {
        var reader = RequestReader()
        while true {
            switch reader.next() {
            case .request(let request): return request
            case .tellContinue: connection.write(Array("HTTP/1.1 100 Continue\r\n\r\n".utf8))
            case .receive:
                guard let piece = try await connection.receive(deadline: deadline) else {
                    return nil
                }
                reader.receive(piece)
            }
        }
    }

    // MARK: - Documents

    /// An answer before its framing.
    private struct Page {
        var status = 200
        var type = "text/plain; charset=utf-8"
        var text: String
        var fields: [String] = []

        static func fault(_ status: Int, _ text: String = "") -> Page {
            Page(status: status, text: text)
        }

        func octets(to request: Request) -> [UInt8] {
            var lines = [
                "HTTP/1.1 \(status) \(WebHost.reasons[status] ?? "")",
                "Content-Type: \(type)", "Content-Length: \(text.utf8.count)",
                "X-Content-Type-Options: nosniff", "Connection: close",
            ]
            lines += fields
            let head = lines.map { $0 + "\r\n" }.joined() + "\r\n"
            return Array((head + (request.method == "HEAD" ? "" : text)).utf8)
        }
    }

    private static let reasons = [
        200: "OK", 302: "Found", 400: "Bad Request", 404: "Not Found",
        405: "Method Not Allowed", 411: "Length Required", 413: "Content Too Large",
        421: "Misdirected Request", 431: "Request Header Fields Too Large",
        503: "Service Unavailable", 505: "HTTP Version Not Supported",
    ]

    /// What is found under a path, whatever its letter case (Outlook asks for `/Autodiscover/`).
    private enum Document: String {
        case policy = "/.well-known/mta-sts.txt"
        case clientConfiguration = "/mail/config-v1.1.xml"
        case wellKnownClientConfiguration = "/.well-known/autoconfig/mail/config-v1.1.xml"
        case autodiscover = "/autodiscover/autodiscover.xml"
        case autodiscoverPlace = "/autodiscover/autodiscover.json"
        case userAgentConfiguration = "/.well-known/user-agent-configuration.json"
        case appleProfile = "/mail/apple.mobileconfig"

        init?(path: String) {
            let path = path.asciiLowercased
            if let document = Self(rawValue: path) {
                self = document
            } else if path.hasPrefix(WebHost.addressedPlace) {
                self = .autodiscoverPlace
            } else {
                return nil
            }
        }
    }

    /// Behind it the address, as Outlook of today asks for the place.
    private static let addressedPlace = Document.autodiscoverPlace.rawValue + "/v1.0/"

    private func answer(to request: Request) async -> Page {
        if let fault = request.fault { return .fault(fault) }
        do {
            guard let document = Document(path: request.path) else {
                return .fault(404, "there is nothing here\n")
            }
            let isPosted = request.method == "POST" && document == .autodiscover
            guard isPosted || ["GET", "HEAD"].contains(request.method) else {
                var page = Page.fault(405, "only GET is known here\n")
                page.fields = ["Allow: GET, HEAD\(document == .autodiscover ? ", POST" : "")"]
                return page
            }
            if identity == nil, let page = try await refer(request, document) { return page }
            return try await page(document, request)
        } catch {
            return .fault(503, "not just now\n")
        }
    }

    /// Over plain HTTP: what must not be believed without TLS is found elsewhere.
    private func refer(_ request: Request, _ document: Document) async throws -> Page? {
        switch document {
        case .clientConfiguration, .wellKnownClientConfiguration: return nil
        default: break
        }
        // A host that is none of ours must not be handed on: this is no open redirector.
        guard let domain = domain(of: request.host, among: Self.labels),
            try await knowledge.setup(domain) != nil
        else { return .fault(421, "no domain of that name is hosted here\n") }
        var page = Page.fault(302, "")
        page.fields = ["Location: https://\(request.host)\(document.rawValue)"]
        return page
    }

    /// Below which names documents are looked for.
    private static let labels = ["autoconfig.", "autodiscover.", "ua-auto-config.", "mta-sts.", ""]

    private func domain(of host: String, among labels: [String]) -> Domain? {
        guard let label = labels.first(where: { host.hasPrefix($0) }) else { return nil }
        return try? Domain(host.dropFirst(label.utf8.count))
    }

    private func page(_ document: Document, _ request: Request) async throws -> Page {
        switch document {
        case .policy: return try await policy(of: request)
        case .clientConfiguration, .wellKnownClientConfiguration:
            return try await found(request) { setup, _ in
                Page(type: "text/xml; charset=utf-8", text: setup.clientConfiguration)
            }
        case .userAgentConfiguration:
            return try await found(request) { setup, _ in
                Page(type: "application/json", text: setup.userAgentConfiguration)
            }
        case .appleProfile:
            return try await found(request) { setup, address in
                guard let address, let profile = setup.appleProfile(for: address) else {
                    return .fault(404, "?emailaddress= must name an address of the domain\n")
                }
                return Page(type: "application/x-apple-aspen-config", text: profile)
            }
        case .autodiscover: return try await autodiscover(request)
        case .autodiscoverPlace:
            return try await found(request) { setup, _ in
                let place = "https://autodiscover.\(setup.domain)\(Document.autodiscover.rawValue)"
                let answer: JSON = ["Protocol": "AutodiscoverV1", "Url": .string(place)]
                return Page(type: "application/json", text: answer.description + "\n")
            }
        }
    }

    private func policy(of request: Request) async throws -> Page {
        let label = "mta-sts."
        guard request.host.hasPrefix(label),
            let domain = try? Name(request.host.dropFirst(label.utf8.count))
        else { return .fault(421, "only mta-sts.DOMAIN has a policy\n") }
        guard let text = try await knowledge.policy(domain) else {
            return .fault(404, "there is no policy of \(domain) here\n")
        }
        // RFC 8461 §3.2.
        return Page(text: text)
    }

    /// The address that settings are for, nil: any of the domain.
    private static func address(in request: Request) -> Address? {
        var text = request.parameter("emailaddress") ?? request.parameter("email")
        if text == nil, request.path.asciiLowercased.hasPrefix(addressedPlace) {
            let rest = request.path.dropFirst(addressedPlace.count)
            text = PercentEncoding.decode(rest.utf8).flatMap {
                String(validating: $0, as: UTF8.self)
            }
        }
        return text.flatMap { try? Address($0) }
    }

    /// The domain is that of the host asked for, or else that of the address.
    private func found(
        _ request: Request, _ page: (MailSetup, Address?) -> Page
    ) async throws -> Page {
        let address = Self.address(in: request)
        let domains = [domain(of: request.host, among: Self.labels), address?.mailDomain]
        for domain in domains.compactMap(\.self) {
            guard let setup = try await knowledge.setup(domain) else { continue }
            return page(setup, address.flatMap { $0.mailDomain == setup.domain ? $0 : nil })
        }
        return .fault(404, "no domain of that name is hosted here\n")
    }

    private func autodiscover(_ request: Request) async throws -> Page {
        let answer: String
        do throws(Autodiscover.Fault) {
            let address = try Autodiscover.address(in: request.body)
            guard let domain = address.mailDomain else { throw .providerNotFound }
            let setup: MailSetup?
            do {
                setup = try await knowledge.setup(domain)
            } catch {
                return .fault(503, "not just now\n")
            }
            guard let setup else { throw .providerNotFound }
            answer = setup.autodiscoverResponse(for: address)
        } catch {
            answer = Autodiscover.response(error)
        }
        return Page(type: "text/xml; charset=utf-8", text: answer)
    }
}

extension Address {
    /// Nil for an address at a literal.
    fileprivate var mailDomain: Domain? {
        if case .domain(let domain) = destination { domain } else { nil }
    }
}
