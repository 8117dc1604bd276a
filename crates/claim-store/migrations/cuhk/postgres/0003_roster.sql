-- What the university's roster says of a person, beside the name. `role` is a word for those who run CUHK and grants
-- nothing. Whoever has `removed_at` is no longer certified, and stays on record.
ALTER TABLE people ADD COLUMN email TEXT;
ALTER TABLE people ADD COLUMN role TEXT;
ALTER TABLE people ADD COLUMN removed_at BIGINT;

-- Where an invitation went by mail: `mail_to` is on record before the code leaves; then `mailed_at` once the mail server
-- has taken it, or `mail_fault` when it surely has not. Neither: the program was cut off, and nobody knows.
ALTER TABLE invitations ADD COLUMN mail_to TEXT;
ALTER TABLE invitations ADD COLUMN mailed_at BIGINT;
ALTER TABLE invitations ADD COLUMN mail_fault TEXT;

CREATE INDEX invitations_of ON invitations (invitee_kind, invitee);
