//! Every refusal a server can give: one table for the servers, the pages, the docs and the tests.

use std::fmt;

use serde_json::{Map, Value};

use crate::Origin;

/// Which server gives a problem; the documentation and the tests go by it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum GivenBy {
    /// CUHK alone.
    Cuhk,
    /// Blackboard alone.
    Blackboard,
    /// Either.
    Both,
}

/// One row of the table below.
struct Row {
    slug: &'static str,
    status: u16,
    given_by: GivenBy,
    title: &'static str,
    why: &'static str,
    what_to_do: &'static str,
}

/// Declares the enum and the table in one place, so that neither can be without the other.
macro_rules! problem_types {
    ($($(#[doc = $doc:literal])+ $name:ident = $slug:literal, $status:literal, $by:ident, $title:literal, $why:literal, $do:literal;)+) => {
        /// The kind of a refusal (RFC 9457 §3.1.1): its `type` is `<origin>/problems/<slug>`.
        ///
        /// Slugs and their meaning are part of the protocol and stay as they are.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
        #[non_exhaustive]
        pub enum ProblemType {
            $($(#[doc = $doc])+ $name,)+
        }

        impl ProblemType {
            /// Every type, in the order of the documentation.
            pub const ALL: &'static [Self] = &[$(Self::$name,)+];

            const fn row(self) -> Row {
                match self {
                    $(Self::$name => Row {
                        slug: $slug, status: $status, given_by: GivenBy::$by,
                        title: $title, why: $why, what_to_do: $do,
                    },)+
                }
            }
        }
    };
}

problem_types! {
    // Any request.
    /// The request is not in the form that the protocol lays down.
    MalformedRequest = "malformed-request", 400, Both,
        "The request is not well-formed",
        "A member is missing, repeated, or not in the form that the protocol lays down.",
        "Send the request as docs/PROTOCOL.md describes it; the detail names the first thing that is wrong.";
    /// No such resource.
    NotFound = "not-found", 404, Both,
        "There is nothing here",
        "No resource of this server has that address.",
        "Check the address; the protocol's addresses stand in docs/PROTOCOL.md.";
    /// The resource does not know this method.
    MethodNotAllowed = "method-not-allowed", 405, Both,
        "This address does not take that method",
        "The address exists, but not for that HTTP method.",
        "Use one of the methods in the Allow header.";
    /// The content did not arrive in time.
    RequestTimeout = "request-timeout", 408, Both,
        "The content did not arrive in time",
        "The request was begun, but its content came too slowly or not at all.",
        "Check the connection and send the request again; it is safe to repeat.";
    /// The content is larger than this address takes.
    ContentTooLarge = "content-too-large", 413, Both,
        "The content is too large",
        "The content is larger than this address takes.",
        "Send less; the detail tells the limit in bytes.";
    /// Another media type or a content coding.
    UnsupportedMediaType = "unsupported-media-type", 415, Both,
        "The content is of another type",
        "Content-Type is not what this address takes, or there is a Content-Encoding, which the protocol does not use.",
        "Send the content with the Content-Type that the detail names, and without Content-Encoding.";
    /// Too much from the sender's address was refused.
    TooManyRefusals = "too-many-refusals", 429, Both,
        "Too many requests were refused",
        "So much of what came from your address was refused that requests from there are not looked at for the moment, unless they belong to an open session or show a certificate; or so many codes for one id were. It need not have been you: whoever shares your address, or sends your id, counts with you.",
        "Wait as long as Retry-After says and send the request again; it is safe to repeat.";
    /// The server has as much to do as it can.
    Overloaded = "overloaded", 503, Both,
        "The server is busy",
        "More requests are under way than this server takes on at once, or more came from you than one person may send.",
        "Wait as long as Retry-After says and send the request again; it is safe to repeat.";
    /// The storage does not take or give anything at present.
    StorageUnavailable = "storage-unavailable", 503, Both,
        "The server cannot store anything at the moment",
        "The server's database or disk did not do its work, so nothing was acknowledged.",
        "Wait as long as Retry-After says and send the request again; that is safe and settles it.";
    /// There is no room for it on the server's disk.
    StorageFull = "storage-full", 507, Both,
        "The server's disk is full",
        "There is not enough room left on the server's disk for what was sent, so it was not taken. What was acknowledged before is safe.",
        "Wait as long as Retry-After says and send the request again; that is safe, and it succeeds when there is room. A claim that cannot wait can be stamped by CUHK, as while Blackboard is away, and `claim student` does so by itself.";
    /// A defect of the server.
    InternalError = "internal-error", 500, Both,
        "The server made a mistake",
        "Something that should not happen did. It is in the server's log under the request's X-Request-Id.",
        "Send the request again later; if it happens again, tell the people who run the server the X-Request-Id.";

    // Steps 1 and 2.
    /// The issuing key does not sign.
    SigningUnavailable = "signing-unavailable", 503, Cuhk,
        "CUHK cannot sign at the moment",
        "The token that holds its issuing key did not answer, so no certificate was made. What was asked for is on record.",
        "Wait as long as Retry-After says and send the request again, with the same key; that is safe and settles it.";
    /// A request through a proxy or for another host, in local mode.
    LocalOnly = "local-only", 403, Cuhk,
        "This CUHK serves its own machine only",
        "CUHK runs as a local demonstration, which certifies any student ID. So it answers only requests that come straight from this machine, for a loopback host.",
        "Talk to it directly at https://localhost, or set up a real CUHK with `claim cuhk init`.";
    /// No Basic credentials, or ones that are not valid.
    CodeRefused = "code-refused", 401, Cuhk,
        "The enrolment code is not valid",
        "There is no open code for that id: it is misspelt, was made for somebody else, or has been withdrawn.",
        "Use the whole invitation line as you got it; if it still fails, ask for a new one.";
    /// The code's life is over.
    CodeExpired = "code-expired", 403, Cuhk,
        "The enrolment code has expired",
        "Codes are valid for a limited time.",
        "Ask for a new invitation.";
    /// The code was used with another key before.
    CodeUsed = "code-used", 403, Cuhk,
        "The enrolment code was used with another key",
        "A code enrols one key. This one has enrolled another key before.",
        "If you enrolled on another device yourself, ask for a second invitation. If you did not, somebody else may have your code: tell the people who sent it.";
    /// The certificate was renewed with another key before.
    CertificateRenewed = "certificate-renewed", 403, Cuhk,
        "The certificate was renewed with another key",
        "Each certificate is renewed once: the same key gets the same certificate again, and another key gets none.",
        "Renew with the certificate that came of it. If you have none, somebody else may have your private key: see `claim student status`, and tell the people who run CUHK.";
    /// The person holds as many certificates as one may.
    TooManyCertificates = "too-many-certificates", 403, Cuhk,
        "You hold as many certificates as one person may",
        "Each device has a certificate of its own, and a person may hold a few that are valid; one that was renewed does not count.",
        "Renew on a device that has one, or revoke that of a device you no longer use: `claim student status` shows them, `claim student revoke` does it. Then do it again; the code is as good as before.";
    /// The certification request cannot be read.
    RequestUnreadable = "request-unreadable", 400, Cuhk,
        "The certification request cannot be read",
        "The content is not a PKCS#10 certification request (RFC 2986) in base64 or PEM.",
        "Make it with `openssl req -new -key my.key -subj /CN=<your id> -outform DER | base64` and send it as application/pkcs10.";
    /// The request's signature does not verify.
    RequestSignature = "request-signature", 400, Cuhk,
        "The certification request is not signed by its own key",
        "The signature in the request does not verify, so nothing shows that you hold the private key.",
        "Make the request again with the private key that belongs to it.";
    /// The request's key is of another kind.
    RequestKey = "request-key", 400, Cuhk,
        "CUHK certifies P-256 keys only",
        "The key in the request is not an EC key on the curve P-256 in uncompressed form.",
        "Make a key with `openssl genpkey -algorithm EC -pkeyopt ec_paramgen_curve:P-256 -out my.key`.";
    /// The request's subject names somebody else.
    RequestSubject = "request-subject", 400, Cuhk,
        "The certification request names another id",
        "The subject of the request holds an id that is not the one that asks.",
        "Leave the subject empty or put your own id there.";
    /// Re-enrolment without a client certificate.
    ClientCertificateRequired = "client-certificate-required", 403, Cuhk,
        "This takes your current certificate",
        "Renewal and timestamps are for whoever holds a certificate of CUHK, by the TLS client certificate, and none was presented.",
        "Connect with your certificate and key (curl: --cert and --key), or enrol with an invitation.";
    /// The person is not on the roster, or the id is not one that this CUHK enrols.
    NotOnRoster = "not-on-roster", 403, Cuhk,
        "That id is not one that CUHK certifies",
        "The id is not in CUHK's records.",
        "Check the id; if it is right, ask the people who run CUHK.";
    // Step 1 by the university's single sign-on.
    /// No single sign-on is configured.
    SignInNotOffered = "sign-in-not-offered", 404, Cuhk,
        "This CUHK offers no single sign-on",
        "The people who run it have not connected it with a sign-in service.",
        "Enrol with an invitation: `claim student enroll --invite-file FILE`.";
    /// More keys wait for their persons than may.
    TooManySignIns = "too-many-sign-ins", 503, Cuhk,
        "Too many sign-ins wait at the moment",
        "Keys that wait for their person's sign-in are bounded in number, all together and for each address.",
        "Wait as long as Retry-After says and begin again; that is safe.";
    /// The person did not confirm it in time, or the certificate was not fetched.
    SignInExpired = "sign-in-expired", 403, Cuhk,
        "There is no such sign-in any more",
        "A sign-in waits ten minutes for its person, and its certificate another ten; or it was never begun here.",
        "Begin again with `claim student enroll --sso`; your key stays the same.";
    /// The person said that it is not their key.
    SignInDenied = "sign-in-denied", 403, Cuhk,
        "The sign-in was denied",
        "Somebody who was signed in with your id said in the browser that this key is not theirs.",
        "If it was you, begin again; if not, tell the people who run CUHK.";
    /// The terminal asks more often than it was told.
    SignInPolledTooOften = "sign-in-polled-too-often", 429, Cuhk,
        "The terminal asks too often",
        "What became of a sign-in may be asked every few seconds, as the answers say.",
        "Wait as long as Retry-After says, and then between any two questions.";
    /// No key waits under the code that was typed.
    SignInCodeWrong = "sign-in-code-wrong", 403, Cuhk,
        "No terminal waits under that code",
        "The code is mistyped, was used before, or its ten minutes are over.",
        "Type the code as your own terminal shows it; if it is over, begin again with `claim student enroll --sso`.";
    /// Another browser than the one in which the code was typed, or a request that none of our pages made.
    SignInOtherBrowser = "sign-in-other-browser", 403, Cuhk,
        "This sign-in does not belong to this browser",
        "The code was not typed in this browser, another browser has taken over since, or the browser does not keep cookies. So that nobody can make you confirm something, one browser goes the whole way.",
        "Open the link that your terminal shows, in one browser, and type the code there.";
    /// The university's answer is not the one that this browser waits for.
    SignInStateWrong = "sign-in-state-wrong", 403, Cuhk,
        "This answer of the sign-in service is not the one that is awaited",
        "It belongs to another visit, or was used before: each is good once.",
        "Open the link that your terminal shows, and type the code again.";
    /// The sign-in service did not sign the person in.
    SignInNotMade = "sign-in-not-made", 403, Cuhk,
        "The sign-in service has not signed you in",
        "You stopped there, it refused, or it did not take back the code that it had given out.",
        "Open the link that your terminal shows, and type the code again; if it lasts, tell the people who run CUHK.";
    /// The ID token does not hold.
    SignInTokenRefused = "sign-in-token-refused", 403, Cuhk,
        "What the sign-in service says of you cannot be trusted",
        "Its ID token is not signed by its own keys, not for this CUHK, not for this visit, or not of now; the detail names the first thing that is wrong.",
        "Begin again; if it happens again, tell the people who run CUHK.";
    /// The ID token has no student ID.
    SignInWithoutId = "sign-in-without-id", 403, Cuhk,
        "The sign-in service does not tell your ID",
        "What it says of you has neither a student ID of ten digits nor an ID of staff where CUHK looks for one.",
        "If you have one, tell the people who run CUHK; until then, enrol with an invitation.";
    /// Somebody else signed in than the terminal asked for.
    SignInOtherPerson = "sign-in-other-person", 403, Cuhk,
        "Somebody else is signed in than the terminal asks for",
        "The terminal asks for a certificate for one ID, and the sign-in service says that you have another. If the terminal is not yours, somebody may be trying to have you confirm their key.",
        "Sign out there and sign in as yourself, or begin again with your own ID: `claim student enroll --sso --sid ID`, or with `--staff ID`.";
    /// The sign-in service cannot be reached, or does not work.
    SignInUnavailable = "sign-in-unavailable", 503, Cuhk,
        "The sign-in service cannot be reached at the moment",
        "CUHK got no usable answer from the university's sign-in service. Your key and your code wait meanwhile.",
        "Wait as long as Retry-After says and go on; if it lasts, tell the people who run CUHK, or enrol with an invitation.";

    // Timestamps of CUHK.
    /// What asks for a timestamp cannot be granted.
    TimestampRequest = "timestamp-request", 400, Cuhk,
        "The request for a timestamp cannot be granted",
        "The content is not a TimeStampReq (RFC 3161) with a SHA-256, or it asks for what timestamps here do not have.",
        "Make it with `openssl ts -query -data claim.p7s -sha256 -cert -no_nonce`.";
    /// CUHK's timestamp key is not there.
    TimestampUnavailable = "timestamp-unavailable", 503, Cuhk,
        "CUHK gives no timestamps at the moment",
        "It has no timestamp key that its root has certified and that may sign now.",
        "Wait as long as Retry-After says and send the request again; if it lasts, tell the people who run CUHK.";

    // The certificate, at renewal and in step 3.
    /// Not a certificate, or too many, or too large.
    CertificateUnreadable = "certificate-unreadable", 400, Both,
        "The certificate cannot be read",
        "The chain holds something that is not an X.509 certificate in DER, or more than the protocol allows.",
        "Send the certificate that CUHK issued, then the issuing certificate, and nothing else.";
    /// It does not lead to `cuhk.cer`.
    CertificateUntrusted = "certificate-untrusted", 403, Both,
        "The certificate was not issued by this CUHK",
        "No path leads from the certificate to the root in cuhk.cer, or a signature on it is wrong.",
        "Use the certificate that this CUHK issued; if CUHK was set up anew, enrol again.";
    /// Its time is over.
    CertificateExpired = "certificate-expired", 403, Both,
        "The certificate has expired",
        "Its notAfter has passed by the server's clock.",
        "Renew it with `claim student renew`, or enrol again with a new invitation.";
    /// Its time has not come.
    CertificateNotYetValid = "certificate-not-yet-valid", 403, Both,
        "The certificate is not valid yet",
        "Its notBefore lies ahead by the server's clock.",
        "Wait until it is valid; if that time has passed for you, one of the clocks is wrong.";
    /// It was issued for another use.
    CertificateProfile = "certificate-profile", 403, Both,
        "The certificate was issued for another use",
        "Its policy, key usage or subject is not that of the profile that this request takes.",
        "Use a certificate that CUHK issued to a person.";
    /// The certificate is on the revocation list.
    CertificateRevoked = "certificate-revoked", 403, Both,
        "The certificate has been revoked",
        "It was withdrawn, by its owner or by the people who run CUHK, for instance because a device was lost.",
        "Enrol again with a new invitation; if you have not had it revoked, ask the people who run CUHK.";

    // Steps 3 to 5.
    /// The sentence's id is not the certificate's.
    SidMismatch = "sid-mismatch", 403, Blackboard,
        "The request is for another SID than the certificate",
        "The id in the sentence is not the one that the certificate certifies.",
        "Send the sentence with your own id; the only proof of who you are is the certificate.";
    /// The challenge token is not one of this Blackboard's.
    ChallengeInvalid = "challenge-invalid", 403, Blackboard,
        "The challenge is not one of this Blackboard",
        "The token was not sealed here, was changed on its way, or its key is no longer kept.",
        "Begin again with step 3.";
    /// More than 60 seconds passed since step 4.
    ChallengeExpired = "challenge-expired", 403, Blackboard,
        "The challenge has expired",
        "Step 5 came too late after step 4.",
        "Begin again with step 3.";
    /// The confirmation is not made with the session key.
    ConfirmationWrong = "confirmation-wrong", 403, Blackboard,
        "The confirmation is not made with the session key",
        "Whoever sent it has not decrypted the session key, which only the holder of the certificate's private key can do, or the exchange was changed on its way.",
        "Begin again with step 3, directly with this Blackboard and with the key that belongs to the certificate.";

    // Step 6.
    /// No session token, or one that is not of this Blackboard.
    SessionInvalid = "session-invalid", 403, Blackboard,
        "There is no such session here",
        "Claim-Session is missing, was not sealed here, was changed, or its key is no longer kept.",
        "Open a new session with steps 3 to 5.";
    /// The session's time is over.
    SessionExpired = "session-expired", 403, Blackboard,
        "The session has ended",
        "A session lives eight hours and no longer than the certificate.",
        "Open a new session with steps 3 to 5.";
    /// No signature, or not in the one form that the protocol allows.
    SignatureMalformed = "signature-malformed", 400, Blackboard,
        "The request is not signed as it must be",
        "Signature or Signature-Input is missing, unreadable, or covers other components or parameters than the protocol lays down.",
        "Sign the request as docs/PROTOCOL.md describes under step 6.";
    /// The MAC does not verify.
    SignatureWrong = "signature-wrong", 403, Blackboard,
        "The signature is not made with this session's key",
        "The HMAC over the request does not verify: it was changed on its way, or signed with another key.",
        "Send the request again, unchanged; if that fails too, open a new session.";
    /// `created` is too far from the server's time.
    ClockSkew = "clock-skew", 403, Blackboard,
        "Your clock and the server's differ too much",
        "The time in the signature is more than five minutes from the server's, which the answer tells in server_time.",
        "Set your clock, or sign with the server's time.";
    /// The content is not the one that was signed.
    DigestMismatch = "digest-mismatch", 400, Blackboard,
        "The content is not the one that was signed",
        "Content-Digest was signed, but the content that arrived has another digest.",
        "Send the request again, unchanged.";
    /// The message is empty or not UTF-8.
    MessageUnreadable = "message-unreadable", 422, Blackboard,
        "The message is not a text",
        "A message is UTF-8 text of at least one byte.",
        "Send the text as UTF-8.";
    /// Another content under a nonce that this session has used.
    NonceReused = "nonce-reused", 409, Blackboard,
        "This nonce belongs to another message",
        "The session has sent another message under the same nonce; that one stands.",
        "Use a fresh nonce for every new message.";

    // Handing in.
    /// There is no current revocation list.
    RevocationUnknown = "revocation-unknown", 503, Blackboard,
        "Nobody can tell at the moment which certificates are revoked",
        "Blackboard has no current revocation list from CUHK, which goes into every receipt.",
        "Wait as long as Retry-After says and send the request again; if it lasts, tell the people who run Blackboard.";
    /// The evidence keys are not certified.
    EvidencePending = "evidence-pending", 503, Blackboard,
        "Blackboard cannot take claims yet",
        "Its keys for timestamps and for the log are not certified by the university's root yet.",
        "Wait as long as Retry-After says and send the request again; if it lasts, tell the people who run Blackboard.";
    /// The records are older than the log.
    LogBehind = "log-behind", 503, Blackboard,
        "Blackboard's records are older than its log",
        "A witness has seen more of the public log than this Blackboard has on record, so its records were restored from an older copy. It takes nothing that would have to be logged: that would be a second history.",
        "Nothing was acknowledged. Keep the receipts that you have, and hand in again when the people who run Blackboard have settled it.";
    /// The content is not a signed claim or withdrawal.
    ClaimUnreadable = "claim-unreadable", 422, Blackboard,
        "This is not a claim that can be taken",
        "The content is not CMS as the protocol lays it down, its manifest is not in order, or it is for another server.",
        "Make it as docs/PROTOCOL.md describes it; the detail names the first thing that is wrong.";
    /// Somebody signed who may not, or the sender has not signed.
    ClaimSigner = "claim-signer", 403, Blackboard,
        "The claim is not signed by the right person",
        "Only those for whom it is sign a claim, and whoever sends it is one of them.",
        "Sign it with your own key, for yourself or for your group.";
    /// The role in the course does not cover it.
    NotAllowed = "not-allowed", 403, Blackboard,
        "Your role in the course does not cover this",
        "You are staff of the course, and the request is for those with more rights there; the detail names it.",
        "Ask an owner of the course to do it, or to give you the role that may.";
    /// The course is another than it was when it was looked at.
    CourseChanged = "course-changed", 409, Blackboard,
        "Somebody else has changed the course in the meantime",
        "The changes name the revision of the course that they were made from, and it has another one now, which `revision` tells. None of them was made.",
        "Look at the course again, and repeat what is still wanted.";
    /// A change that cannot be made.
    ChangeRefused = "change-refused", 422, Blackboard,
        "The course cannot be changed like that",
        "One of the changes does not fit what is on record, or is none at all; the detail says why, and `number` which one, counted from one. None of them was made.",
        "Correct that one, and send all of them again.";
    /// Groups hand in, and this person is in none.
    NoGroup = "no-group", 409, Blackboard,
        "You are in no group yet",
        "This assignment is handed in by groups, and the course's records have you in none.",
        "Ask the staff that `ask` names to put you into a group, then hand in again; what you have signed is not lost.";
    /// The members are others.
    HolderChanged = "holder-changed", 409, Blackboard,
        "You hand in with other people than the claim names",
        "The members in the claim are not those in the course's records, which the answer tells in sids.",
        "Sign the claim anew with these members.";
    /// The due time is another.
    DueChanged = "due-changed", 409, Blackboard,
        "The due time is another than the claim names",
        "The due time was changed, or the claim was made for another one; the answer tells it in due.",
        "Sign the claim anew with this due time.";
    /// The last claim is another.
    ReplacesChanged = "replaces-changed", 409, Blackboard,
        "Another claim was lodged in the meantime",
        "Each claim names the one before it, which is another by now; the answer tells it in last_claim.",
        "If the newer one is not what you want to hand in, sign the claim anew with it in replaces.";
    /// The log has the claim, and there is no record of it.
    ClaimRecordLost = "claim-record-lost", 409, Blackboard,
        "The log has this claim, and Blackboard has lost its record of it",
        "This very claim was lodged before. Then Blackboard's records were restored from an older copy, and of what came after that copy only the public log is left; a second entry for the same claim would contradict the first.",
        "Keep what you have of it, the receipt or the proof of lodging: it stays valid, and says when it was. So that the files are here as well, hand them in again, as a new claim.";
    /// Blackboard has erased its copy of the claim, as old as it was.
    Erased = "erased", 410, Blackboard,
        "Blackboard has erased its copy of this claim",
        "The school keeps what was handed in for a time that it has set, and this claim is older; its files and all that named people are gone here, and only the public log still has its entries.",
        "Use your own copy, the receipt and the files: it stays valid, and can be verified without Blackboard. There is no way to get the files back from here, and the same claim is not lodged again.";
    /// CUHK's timestamp over a claim of an outage is not there, or not one.
    OutageTimestamp = "outage-timestamp", 422, Blackboard,
        "Claim and timestamp of an outage do not go together",
        "A claim that says it was signed in an outage comes with a timestamp of CUHK's own authority over this very claim, and no other claim has one.",
        "Send the claim with the timestamp that CUHK gave for it, as docs/PROTOCOL.md describes; or sign the claim anew without an outage.";
    /// Nothing shows an outage at the time of the timestamp.
    OutageUnproven = "outage-unproven", 403, Blackboard,
        "Nothing shows that Blackboard could not be reached then",
        "By its own records Blackboard was serving when CUHK stamped the claim, and the people who run it have not said otherwise.",
        "Hand in anew; then Blackboard's time counts. If you could not reach Blackboard, tell the people who run it: once they have allowed it, the same claim is taken, and CUHK's time counts.";
    /// The upload window after an outage is over.
    OutageTooLate = "outage-too-late", 403, Blackboard,
        "The claim of an outage comes too late",
        "What was stamped in an outage is lodged within the assignment's upload window, which the outage itself does not shorten.",
        "Hand in anew, or ask the people who run the course.";
    /// More than the assignment allows.
    LimitExceeded = "limit-exceeded", 422, Blackboard,
        "The claim is more than the assignment allows",
        "It has too many files, they are too large together, or there were too many claims before.",
        "Hand in less; the detail tells the limits.";
    /// The assignment is closed.
    AssignmentClosed = "assignment-closed", 403, Blackboard,
        "The assignment takes no claims any more",
        "Its closing time has passed.",
        "Ask the people who run the course.";
    /// Other bytes than the claim lists.
    PieceMismatch = "piece-mismatch", 422, Blackboard,
        "These are not the bytes that the claim lists",
        "Each piece of a file must have the digest that the claim fixed. Nothing was stored.",
        "Send the piece as it was when the claim was signed; if the file has changed, hand in anew.";
    /// The claim takes no more.
    ClaimEnded = "claim-ended", 409, Blackboard,
        "The claim takes no more files",
        "Another claim was lodged in its place, its files did not come in time, or it was withdrawn.",
        "Look at your claims, and hand in anew if the one that counts is not the one you want.";
    /// The time for withdrawing is over.
    WithdrawalTooLate = "withdrawal-too-late", 409, Blackboard,
        "The claim cannot be withdrawn any more",
        "A claim can be withdrawn until the due time.",
        "Ask the people who run the course.";
}

impl ProblemType {
    /// The last segment of the `type`.
    pub const fn slug(self) -> &'static str {
        self.row().slug
    }

    /// The HTTP status that goes with it.
    pub const fn status(self) -> u16 {
        self.row().status
    }

    /// Which server gives it.
    pub const fn given_by(self) -> GivenBy {
        self.row().given_by
    }

    /// What happened, in one line (RFC 9457 `title`).
    pub const fn title(self) -> &'static str {
        self.row().title
    }

    /// Why it happened.
    pub const fn why(self) -> &'static str {
        self.row().why
    }

    /// What the person or program that asked can do next.
    pub const fn what_to_do(self) -> &'static str {
        self.row().what_to_do
    }

    /// The type with this slug, if there is one.
    pub fn from_slug(slug: &str) -> Option<Self> {
        Self::ALL.iter().copied().find(|known| known.slug() == slug)
    }

    /// The `type` member: a page that the server itself serves.
    pub fn uri(self, origin: &Origin) -> String {
        format!("{origin}/problems/{}", self.slug())
    }
}

/// One refusal: a type, what was wrong this time, and members of its own (RFC 9457 §3.2).
#[derive(Clone, Debug, PartialEq)]
pub struct Problem {
    /// The row of the table.
    pub problem_type: ProblemType,
    /// What was wrong this time; never a secret, and text of strangers only in escaped form.
    pub detail: String,
    /// Further members, e.g. `server_time`.
    pub extensions: Map<String, Value>,
}

impl Problem {
    /// A refusal of this type with this detail.
    pub fn new(problem_type: ProblemType, detail: impl fmt::Display) -> Self {
        Self { problem_type, detail: detail.to_string(), extensions: Map::new() }
    }

    /// The same with one more member.
    #[must_use]
    pub fn with(mut self, name: &str, value: impl Into<Value>) -> Self {
        self.extensions.insert(name.to_owned(), value.into());
        self
    }

    /// The problem document (`application/problem+json`, RFC 9457 §3) of the server with this origin.
    pub fn to_json(&self, origin: &Origin) -> Vec<u8> {
        let mut document = self.extensions.clone();
        document.insert("type".to_owned(), self.problem_type.uri(origin).into());
        document.insert("title".to_owned(), self.problem_type.title().into());
        document.insert("status".to_owned(), self.problem_type.status().into());
        document.insert("detail".to_owned(), self.detail.clone().into());
        Value::Object(document).to_string().into_bytes()
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test panics to fail")]
    use std::collections::HashSet;

    use super::*;

    #[test]
    fn slugs_are_unique_and_url_safe() {
        let slugs: HashSet<_> = ProblemType::ALL.iter().map(|t| t.slug()).collect();
        assert_eq!(slugs.len(), ProblemType::ALL.len());
        for problem_type in ProblemType::ALL {
            assert!(problem_type.slug().bytes().all(|b| b.is_ascii_lowercase() || b == b'-'));
            assert_eq!(ProblemType::from_slug(problem_type.slug()), Some(*problem_type));
            assert!((400..600).contains(&problem_type.status()));
        }
        assert_eq!(ProblemType::from_slug("no-such-problem"), None);
    }

    #[test]
    fn the_document_has_the_members_of_rfc_9457() {
        let origin = "https://localhost:3141".parse().unwrap();
        let json =
            Problem::new(ProblemType::ClockSkew, "301 s").with("server_time", "x").to_json(&origin);
        let document: Value = serde_json::from_slice(&json).unwrap();
        assert_eq!(document["type"], "https://localhost:3141/problems/clock-skew");
        assert_eq!(document["title"], ProblemType::ClockSkew.title());
        assert_eq!(document["status"], 403);
        assert_eq!(document["detail"], "301 s");
        assert_eq!(document["server_time"], "x");
    }
}
