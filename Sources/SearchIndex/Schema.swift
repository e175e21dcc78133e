// SPDX-License-Identifier: Apache-2.0

package import Storage

extension Migrations {
    /// What texts are found by; all of it can be made anew from the messages.
    ///
    /// The texts are not stored a second time (`content=''`), only where each three letters of them
    /// stand: a key is found by the places of its own, exactly. They are folded before, so that
    /// letters are compared as they are. A document is a content, or the fields that stand before
    /// contents in a mailbox; it has a small number of its own, because those of contents are
    /// large and would make the index twice as large.
    package static let searchIndex = Migrations(
        module: "SearchIndex",
        [
            """
            CREATE VIRTUAL TABLE search_text USING fts5(
                header, body, content='', columnsize=0, detail=full,
                tokenize='trigram case_sensitive 1'
            );
            CREATE TABLE search_document (
                number INTEGER NOT NULL PRIMARY KEY,
                content_id INTEGER UNIQUE,
                prefix TEXT UNIQUE,
                is_whole INTEGER NOT NULL
            );
            CREATE INDEX search_document_in_part ON search_document (number) WHERE is_whole = 0;
            CREATE TABLE search_message (
                mailbox_id INTEGER NOT NULL,
                uid INTEGER NOT NULL,
                number INTEGER NOT NULL,
                prefix_number INTEGER,
                PRIMARY KEY (mailbox_id, uid)
            ) WITHOUT ROWID;
            CREATE INDEX search_message_number ON search_message (number);
            CREATE INDEX search_message_prefix ON search_message (prefix_number)
                WHERE prefix_number IS NOT NULL;
            CREATE TABLE search_mailbox (
                mailbox_id INTEGER NOT NULL PRIMARY KEY,
                uid_validity INTEGER NOT NULL,
                indexed_uid INTEGER NOT NULL
            );
            """
        ])
}
