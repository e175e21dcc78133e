// SPDX-License-Identifier: Apache-2.0

import Bytes

/// What a client asks the keeper of its scripts for (RFC 5804 §2.5 to §2.12).
package enum Command: Hashable, Sendable {
    /// Whether a script of that name and so many octets could be stored.
    case haveSpace(name: String, octets: Int)
    /// Store it in the place of one with the same name, if it is valid.
    case put(name: String, script: [UInt8])
    case check(script: [UInt8])
    case list
    /// Nil: no script is active any more.
    case activate(name: String?)
    case get(name: String)
    case delete(name: String)
    case rename(from: String, to: String)
}

/// The first word of a command (RFC 5804 §4).
enum Verb: String {
    case authenticate, capability, logout, noop, starttls, unauthenticate
    case checkscript, deletescript, getscript, havespace, listscripts, putscript, renamescript
    case setactive

    /// In which state it may stand.
    enum Place { case anywhere, beforeLogin, behindLogin }

    var place: Place {
        switch self {
        case .capability, .logout, .noop: .anywhere
        case .authenticate, .starttls: .beforeLogin
        default: .behindLogin
        }
    }

    /// Whether its last argument is a script, which may be large.
    var takesScript: Bool { self == .putscript || self == .checkscript }

    /// What it expects, for who sent something else.
    var usage: String {
        switch self {
        case .authenticate: "AUTHENTICATE \"mechanism\" [\"initial response\"]"
        case .capability, .logout, .starttls, .unauthenticate, .listscripts: rawValue.uppercased()
        case .noop: "NOOP [\"tag\"]"
        case .checkscript: "CHECKSCRIPT \"script\""
        case .deletescript: "DELETESCRIPT \"name\""
        case .getscript: "GETSCRIPT \"name\""
        case .havespace: "HAVESPACE \"name\" octets"
        case .putscript: "PUTSCRIPT \"name\" \"script\""
        case .renamescript: "RENAMESCRIPT \"old name\" \"new name\""
        case .setactive: "SETACTIVE \"name\""
        }
    }
}

extension Command {
    /// Nil if these are not the arguments the verb takes.
    init?(_ verb: Verb, _ arguments: [Argument]) {
        switch (verb, arguments.count) {
        case (.havespace, 2):
            guard let name = arguments[0].name, case .number(let octets) = arguments[1] else {
                return nil
            }
            self = .haveSpace(name: name, octets: Int(octets))
        case (.putscript, 2):
            guard let name = arguments[0].name, case .string(let script) = arguments[1] else {
                return nil
            }
            self = .put(name: name, script: script)
        case (.checkscript, 1):
            guard case .string(let script) = arguments[0] else { return nil }
            self = .check(script: script)
        case (.listscripts, 0): self = .list
        case (.setactive, 1):
            guard let name = arguments[0].name else { return nil }
            self = .activate(name: name.isEmpty ? nil : name)
        case (.getscript, 1):
            guard let name = arguments[0].name else { return nil }
            self = .get(name: name)
        case (.deletescript, 1):
            guard let name = arguments[0].name else { return nil }
            self = .delete(name: name)
        case (.renamescript, 2):
            guard let old = arguments[0].name, let new = arguments[1].name else { return nil }
            self = .rename(from: old, to: new)
        default: return nil
        }
    }
}

/// What stands behind the verb.
enum Argument: Hashable {
    case string([UInt8])
    case number(UInt32)

    /// The name of a script: a string in UTF-8.
    var name: String? {
        guard case .string(let octets) = self else { return nil }
        return String(validating: octets, as: UTF8.self)
    }
}
