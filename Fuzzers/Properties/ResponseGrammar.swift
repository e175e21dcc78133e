// SPDX-License-Identifier: Apache-2.0

/// Whether lists have the form that RFC 9051 §9 gives them.
enum ResponseGrammar {
    // envelope = "(" env-date SP env-subject … SP env-message-id ")"
    static func expectEnvelope(_ tree: ResponseTree) throws(Property.Broken) {
        guard let items = tree.items, items.count == 10 else {
            throw Property.Broken("an envelope of other than ten members: \(tree)")
        }
        for index in [0, 1, 8, 9] { try expectNString(items[index]) }
        for index in 2...7 where items[index] != .null {
            for address in items[index].items ?? [] {
                guard let members = address.items, members.count == 4 else {
                    throw Property.Broken("an address of other than four members")
                }
                for member in members { try expectNString(member) }
            }
            try expect(items[index].items != nil, "addresses that are no list")
        }
    }

    private static func expectNString(_ tree: ResponseTree) throws(Property.Broken) {
        try expect(tree == .null || tree.string != nil, "neither string nor NIL: \(tree)")
    }

    /// `body = "(" (body-type-1part / body-type-mpart) ")"`; extensions are there or are not.
    static func expectBody(
        _ tree: ResponseTree, isExtensible: Bool
    ) throws(Property.Broken) {
        guard let items = tree.items else { throw Property.Broken("a body that is no list") }
        if items[0].items != nil {
            let bodies = items.prefix { $0.items != nil }
            for body in bodies { try expectBody(body, isExtensible: isExtensible) }
            let rest = Array(items[bodies.count...])
            try expect(rest.count == (isExtensible ? 5 : 1), "a multipart ends with \(rest)")
            try expect(rest[0].string != nil, "a multipart's subtype is \(rest[0])")
            guard isExtensible else { return }
            try expectParameters(rest[1])
            try expectExtensions(rest[2...])
            return
        }
        try expectSingle(items, isExtensible: isExtensible)
    }

    private static func expectSingle(
        _ items: [ResponseTree], isExtensible: Bool
    ) throws(Property.Broken) {
        try expect(items.count >= 7, "a body of \(items.count) members")
        guard let type = items[0].string, let subtype = items[1].string else {
            throw Property.Broken("a body without type")
        }
        try expectParameters(items[2])
        try expectNString(items[3])
        try expectNString(items[4])
        try expect(items[5].string != nil, "an encoding is \(items[5])")
        try expectNumber(items[6])
        var rest = items[7...]
        let name = String(decoding: type + [0x2F] + subtype, as: UTF8.self).lowercased()
        if name == "message/rfc822" || name == "message/global" {
            try expect(rest.count >= 3, "a message without its own members")
            try expectEnvelope(rest.removeFirst())
            try expectBody(rest.removeFirst(), isExtensible: isExtensible)
            try expectNumber(rest.removeFirst())
        } else if name.hasPrefix("text/") {
            try expect(!rest.isEmpty, "a text without lines")
            try expectNumber(rest.removeFirst())
        }
        guard isExtensible else {
            return try expect(rest.isEmpty, "\(name) ends with \(rest)")
        }
        try expect(rest.count == 4, "\(name) has extensions \(rest)")
        try expectNString(rest.removeFirst())
        try expectExtensions(rest)
    }

    private static func expectNumber(_ tree: ResponseTree) throws(Property.Broken) {
        guard case .number = tree else { throw Property.Broken("no number: \(tree)") }
    }

    private static func expectParameters(_ tree: ResponseTree) throws(Property.Broken) {
        guard tree != .null else { return }
        guard let items = tree.items, items.count.isMultiple(of: 2) else {
            throw Property.Broken("parameters are \(tree)")
        }
        for item in items { try expect(item.string != nil, "a parameter is \(item)") }
    }

    // body-fld-dsp SP body-fld-lang SP body-fld-loc
    private static func expectExtensions(
        _ items: ArraySlice<ResponseTree>
    ) throws(Property.Broken) {
        let items = Array(items)
        try expect(items.count == 3, "\(items.count) extensions")
        if items[0] != .null {
            guard let disposition = items[0].items, disposition.count == 2,
                disposition[0].string != nil
            else { throw Property.Broken("a disposition is \(items[0])") }
            try expectParameters(disposition[1])
        }
        for language in items[1].items ?? [] {
            try expect(language.string != nil, "a language is \(language)")
        }
        if items[1].items == nil { try expectNString(items[1]) }
        try expectNString(items[2])
    }
}
