variable "bucket_name" {
  description = "Name of the bucket for states. Bucket names are global."
  type        = string
}

variable "table_name" {
  description = "Name of the table for locks"
  type        = string
}

variable "region" {
  description = "Region of both; null: that of the credentials (AWS_REGION or the profile)"
  type        = string
  default     = null
}

variable "kms_key" {
  description = "ARN of the KMS key that encrypts the bucket; null: the key of S3"
  type        = string
  default     = null
}

variable "tags" {
  description = "Tags of the bucket and the table"
  type        = map(string)
  default     = {}
}
