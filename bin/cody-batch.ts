/** The command at the path it had before it could be installed, which scripts of a checkout still call. */
import './cody-batch.js';
