// SPDX-License-Identifier: Apache-2.0

package import Bytes
package import Mail

extension Decision {
    /// What `mx explain --json` prints on one line; keys may be added, none is ever renamed.
    package func json(_ language: Language = .english) -> JSON {
        .object([
            ("domain", .string(destination.description)),
            ("outcome", .string(outcomeName)),
            ("status", JSON(reason?.status.description)),
            ("text", .string(summary(language))),
            ("implicit", .bool(isImplicit)),
            ("route", .array((route?.hosts ?? []).map(\.json))),
            (
                "steps",
                .array(
                    steps.map {
                        .object([
                            ("rule", .string($0.rule)), ("text", .string($0.text(language))),
                        ])
                    })
            ),
            ("findings", .array(findings.map { $0.json(language) })),
        ])
    }
}

extension Route.Host {
    fileprivate var json: JSON {
        var members: [(String, JSON)] = [
            ("preference", .integer(Int64(preference))),
            ("exchange", .string(exchange.description)),
            ("addresses", JSON(addresses.map(\.description))),
            ("security", .string(security.rawValue)),
        ]
        if dialect != .smtp { members.append(("protocol", .string(dialect.rawValue))) }
        if let port { members.append(("port", .integer(Int64(port)))) }
        return .object(members)
    }
}

extension Finding {
    fileprivate func json(_ language: Language) -> JSON {
        .object([
            ("code", .string(code)), ("severity", .string(severity.rawValue)),
            ("text", .string(text(language))),
        ])
    }
}
