// SPDX-License-Identifier: Apache-2.0

package import Storage

extension Migrations {
    /// What texts are found by; all of it can be made anew from the messages.
    ///
    /// The texts are not stored a second time (`content=''`), only where each three letters of them
    /// stand: a key is found by the places of its own, exactly. They are folded before, so that
    /// letters are compared as they are. Contents have small numbers of their own, because theirs
    /// are large and would make the index twice as large.
    package static let searchIndex = Migrations(
        module: "SearchIndex",
        [
            """
            CREATE VIRTUAL TABLE search_text USING fts5(
                header, body, content='', columnsize=0, detail=full,
                tokenize='trigram case_sensitive 1'
            );
            CREATE TABLE search_content (
                number INTEGER NOT NULL PRIMARY KEY,
                content_id INTEGER NOT NULL UNIQUE,
                is_whole INTEGER NOT NULL
            );
            CREATE TABLE search_mailbox (
                mailbox_id INTEGER NOT NULL PRIMARY KEY,
                uid_validity INTEGER NOT NULL,
                indexed_uid INTEGER NOT NULL
            );
            """
        ])
}
