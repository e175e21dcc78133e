// SPDX-License-Identifier: Apache-2.0

import Bytes
package import Mail

/// What Outlook posts to `/autodiscover/autodiscover.xml`, and what is answered when it fails.
package enum Autodiscover {
    static let responseSchema =
        "http://schemas.microsoft.com/exchange/autodiscover/responseschema/2006"
    static let outlookSchema =
        "http://schemas.microsoft.com/exchange/autodiscover/outlook/responseschema/2006a"

    /// Why a request is not answered with settings.
    package enum Fault: Int, Error, Hashable, Sendable {
        case invalidRequest = 600
        /// Not an address of this server.
        case providerNotFound = 603
        /// Another document than `outlook/responseschema/2006a` is wanted.
        case schemaNotSupported = 601

        var message: String {
            switch self {
            case .invalidRequest: "Invalid Request"
            case .providerNotFound: "The address is of no domain that is hosted here"
            case .schemaNotSupported: "Requested schema version not supported"
            }
        }
    }

    /// The address of a request.
    ///
    /// No parser of XML: two elements are looked for. What declares a document type, and with it
    /// entities, is refused unread.
    package static func address(in body: [UInt8]) throws(Fault) -> Address {
        guard let text = String(validating: body, as: UTF8.self), !text.contains("<!") else {
            throw .invalidRequest
        }
        if let schema = content(of: "AcceptableResponseSchema", in: text),
            schema != outlookSchema
        {
            throw .schemaNotSupported
        }
        guard let written = content(of: "EMailAddress", in: text),
            let address = try? Address(written)
        else { throw .invalidRequest }
        return address
    }

    /// The answer that tells of a fault.
    package static func response(_ fault: Fault) -> String {
        """
        <?xml version="1.0" encoding="utf-8"?>
        <Autodiscover xmlns="\(responseSchema)">
          <Response>
            <Error Time="00:00:00.0000000" Id="0">
              <ErrorCode>\(fault.rawValue)</ErrorCode>
              <Message>\(fault.message)</Message>
              <DebugData/>
            </Error>
          </Response>
        </Autodiscover>

        """
    }

    /// The character data of the first element of that name, whatever its prefix.
    private static func content(of name: String, in text: String) -> String? {
        for part in text.split(separator: "<") {
            guard let end = part.firstIndex(of: ">"), part.first != "/", part.first != "?" else {
                continue
            }
            let tag = part[..<end].prefix { !$0.isWhitespace }
            let local = tag.split(separator: ":").last ?? tag
            guard local == name else { continue }
            let raw = part[part.index(after: end)...]
            return decode(raw.drop(while: \.isWhitespace))
        }
        return nil
    }

    /// Undoes the five named references and those by number; nil if one is none.
    private static func decode(_ text: Substring) -> String? {
        guard text.utf8.count <= maximumContentOctets else { return nil }
        var decoded = ""
        var rest = text
        while let ampersand = rest.firstIndex(of: "&") {
            decoded += rest[..<ampersand]
            rest = rest[rest.index(after: ampersand)...]
            guard let end = rest.firstIndex(of: ";"), let scalar = scalar(rest[..<end]) else {
                return nil
            }
            decoded.unicodeScalars.append(scalar)
            rest = rest[rest.index(after: end)...]
        }
        decoded += rest
        while decoded.last?.isWhitespace == true { decoded.removeLast() }
        return decoded
    }

    /// The longest address with every character as a reference.
    private static let maximumContentOctets = 4096

    private static func scalar(_ name: Substring) -> Unicode.Scalar? {
        switch name {
        case "amp": return "&"
        case "lt": return "<"
        case "gt": return ">"
        case "quot": return "\""
        case "apos": return "'"
        default:
            guard name.first == "#" else { return nil }
            let digits = name.dropFirst()
            let number =
                digits.first == "x" ? UInt32(digits.dropFirst(), radix: 16) : UInt32(digits)
            return number.flatMap { $0 >= 0x20 ? Unicode.Scalar($0) : nil }
        }
    }
}
