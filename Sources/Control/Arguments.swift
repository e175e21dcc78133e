// SPDX-License-Identifier: Apache-2.0

import Bytes
import Mail

/// The arguments of a command, read out of a JSON object with an error that names what is wrong.
struct Arguments {
    let json: JSON

    func text(_ key: String) throws(ControlFailure) -> String {
        guard let text = json[key]?.string else { throw .usage("`\(key)` is missing") }
        return text
    }

    func flag(_ key: String) -> Bool { json[key]?.bool ?? false }

    func number(_ key: String) -> Int64? { json[key]?.integer }

    func domain(_ key: String) throws(ControlFailure) -> Domain {
        let text = try text(key)
        do {
            return try Domain(text)
        } catch {
            throw .data("`\(text)` is no domain: \(error)")
        }
    }

    func optionalDomain(_ key: String) throws(ControlFailure) -> Domain? {
        json[key]?.string == nil ? nil : try domain(key)
    }

    func address(_ key: String) throws(ControlFailure) -> Address {
        try Self.address(try text(key))
    }

    func optionalAddress(_ key: String) throws(ControlFailure) -> Address? {
        json[key]?.string == nil ? nil : try address(key)
    }

    /// `en` or `de`.
    func optionalLanguage(_ key: String) throws(ControlFailure) -> Language? {
        guard let code = json[key]?.string else { return nil }
        guard let language = Language(rawValue: code) else {
            throw .data("`\(code)` is no language that is spoken here: en or de")
        }
        return language
    }

    func addresses(_ key: String) throws(ControlFailure) -> [Address] {
        var addresses: [Address] = []
        for text in json[key]?.array ?? [] {
            addresses.append(try Self.address(text.string ?? ""))
        }
        return addresses
    }

    /// Who gave the command: the person it names, and the way it came.
    func author(by way: String) throws(ControlFailure) -> String {
        guard let name = json["author"]?.string else { return way }
        guard name.utf8.count <= 100, !name.utf8.contains(where: { $0 < 0x20 || $0 == 0x7F })
        else { throw .data("`author` is no name of a person") }
        return "\(name) (\(way))"
    }

    private static func address(_ text: String) throws(ControlFailure) -> Address {
        do {
            return try Address(text)
        } catch {
            throw .data("`\(text)` is no mail address: \(error)")
        }
    }
}
