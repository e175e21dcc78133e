// SPDX-License-Identifier: Apache-2.0

import Testing

@Suite("The documents")
struct DocumentTests {
    @Test("Every RFC that the code names is in the index")
    func everyRFCIsListed() throws {
        let index = try Repository.text(of: "Documentation/RFCs.md")
        let listed = Set(index.matches(of: /RFC ([0-9]+)/).map { String($0.output.1) })
        var named: [String: String] = [:]
        for file in try Repository.swiftFiles(in: "Sources") {
            for match in file.text.matches(of: /RFC ([0-9]+)/) {
                named[String(match.output.1)] = file.path
            }
        }
        #expect(named.count > 100)
        for (number, path) in named.sorted(by: { $0.key < $1.key }) {
            #expect(listed.contains(number), "RFC \(number), named in \(path), is not listed")
        }
    }

    @Test("Every configuration key is in the operator's guide")
    func everyKeyIsDocumented() throws {
        let guide = try Repository.text(of: "Documentation/Operation.md")
        let source = try Repository.text(of: "Sources/Settings/SettingKey.swift")
        let keys = source.matches(of: /\.init\(\s*"([a-z0-9.-]+)"/).map { String($0.output.1) }
        #expect(keys.count >= 20)
        for key in keys { #expect(guide.contains("| `\(key)` |"), "\(key) is not in the guide") }
        let rows = guide.matches(of: /\n\| `([a-z0-9-]+(?:\.[a-z0-9-]+)?)` \| [^|]+ \| [^|]+ \|/)
        for row in rows {
            #expect(keys.contains(String(row.output.1)), "\(row.output.1) is no key any more")
        }
    }

    @Test("The limits in the operator's guide are constants of the code")
    func everyLimitExists() throws {
        let guide = try Repository.text(of: "Documentation/Operation.md")
        let limits = guide.matches(of: /`([A-Za-z0-9]+)\.([A-Za-z0-9]+)\.([a-zA-Z0-9]+)` \|\n/)
        #expect(limits.count > 30)
        for limit in limits {
            let (_, module, type, constant) = limit.output
            let files = try Repository.swiftFiles(in: "Sources/\(module)").filter { file in
                file.text.contains("let \(constant)") || file.text.contains("var \(constant)")
            }
            #expect(
                files.contains { $0.text.contains(type) },
                "\(module).\(type).\(constant) is not in the code")
        }
    }

    @Test("Links between documents lead somewhere, and README names every document")
    func links() throws {
        let readme = try Repository.text(of: "README.md")
        for document in try Repository.documents() {
            let folder = document.hasPrefix("Documentation/") ? "Documentation/" : ""
            let text = try Repository.text(of: document)
            for link in text.matches(of: /\]\(([^)#:]+)(?:#[^)]*)?\)/) {
                let target = String(link.output.1)
                let path =
                    target.hasPrefix("../") ? String(target.dropFirst(3)) : folder + target
                #expect(Repository.exists(path), "\(document) links to \(target)")
            }
            if document != "README.md" {
                #expect(readme.contains("(\(document))"), "README does not name \(document)")
            }
        }
    }

    @Test("Files and make targets that the documents name exist")
    func namedThingsExist() throws {
        let makefile = try Repository.text(of: "Makefile")
        for document in try Repository.documents() {
            let text = try Repository.text(of: document)
            for match in text.matches(of: /(?:Sources|Tests)\/[A-Za-z0-9\/+]+\.swift/) {
                #expect(Repository.exists(String(match.output)), "\(document): \(match.output)")
            }
            for match in text.matches(of: /(?:`|\n)make ([a-z-]+)/) {
                #expect(
                    makefile.contains("\n\(match.output.1):"), "\(document): make \(match.output.1)"
                )
            }
        }
    }

    @Test("The functions that the tour visits are in the files it names")
    func theTourIsTrue() throws {
        let tour = try Repository.text(of: "Documentation/Tour.md")
        // `name` in `Sources/…swift`, as the tour's tables write it.
        let stops = tour.matches(of: /\| `([A-Za-z0-9_.]+)(?:\([^`]*\))?` \| `([^`]+\.swift)` \|/)
        #expect(stops.count > 25)
        for stop in stops {
            let file = try Repository.text(of: "Sources/\(stop.output.2)")
            for word in stop.output.1.split(separator: ".") {
                #expect(file.contains(word), "\(word) is not in \(stop.output.2)")
            }
        }
    }
}
